"""Bodies of what a run has left and how runs compare (`/runs/{id}/metrics`, `logs`, `artifacts`, `/runs/compare`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headway.wire.runs import RunSummary, Wire


class Series(Wire):
    steps: list[int]
    values: list[float]


class MetricSeries(Wire):
    """GET /runs/{id}/metrics. Long series are thinned, their extremes kept; `thinned` names them."""

    run_id: str
    names: list[str]  # all there are
    series: dict[str, Series]
    thinned: list[str] = Field(default_factory=list)


class LogLine(Wire):
    offset: int  # byte where the line begins
    text: str


class LogPage(Wire):
    """GET /runs/{id}/logs. `next_offset` is where to go on; `done` when the end was reached."""

    run_id: str
    attempt: int
    lines: list[LogLine]
    next_offset: int
    size_bytes: int
    done: bool


class ArtifactInfo(Wire):
    name: str  # path, as /runs/{id}/artifacts/{name} takes it
    size_bytes: int
    created_at: str
    artifact_type: Literal[
        "checkpoint", "config", "scaler", "metrics", "predictions", "report", "model", "other"
    ]
    sha256: str | None = None  # null for files that were never registered


class ArtifactList(Wire):
    artifacts: list[ArtifactInfo]
    total_count: int


class Difference(Wire):
    """A key of the resolved configurations on which the runs differ."""

    key: str
    values: list[Any]  # in the order of `ids`; null where a run has no such key


class AlignedSeries(Wire):
    steps: list[int]
    values: list[list[float | None]]  # one list a run, in the order of `ids`


class RunComparison(Wire):
    """GET /runs/compare."""

    ids: list[str]
    runs: list[RunSummary]
    differences: list[Difference]
    metrics: dict[str, AlignedSeries]
    thinned: list[str] = Field(
        default_factory=list
    )  # of `metrics`, those where some run has more points than are told
    left_out: list[str] = Field(default_factory=list)  # names that are told when `names` asks for them
