"""Bodies of the datasets API (`/datasets`): candles of the server's folder. Times are of bars, ISO 8601 in UTC."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headway.wire.jobs import Text
from headway.wire.runs import Asked, Wire

FileName = Annotated[Text, Field(min_length=1, max_length=200)]


class Dataset(Wire):
    """Candles that are there. Times are when the first and the last bar open."""

    symbol: str
    timeframe: str
    filename: str
    row_count: int | None = None
    date_start: str | None = None
    date_end: str | None = None
    columns: list[str] = Field(default_factory=list)
    size_bytes: int | None = None
    origin: Literal["file", "packaged"] = "file"
    label: str | None = None
    problem: str | None = None  # why the numbers above are null


class DatasetList(Wire):
    datasets: list[Dataset]
    total_count: int


class ValidateRequest(Asked):
    filename: FileName


class DatasetIssue(Wire):
    severity: Literal["error", "warning"]
    message: str
    row_number: int | None = None


class DatasetReport(Wire):
    """POST /datasets/validate."""

    filename: str
    is_valid: bool
    total_rows: int
    issues: list[DatasetIssue]
    schema_valid: bool
    timezone_valid: bool
    has_gaps: bool
    gap_count: int
    inferred_dtypes: dict[str, str]
    date_range: tuple[str, str] | None = None  # when the first and the last bar open
