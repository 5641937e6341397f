"""The runs API (`/runs`, `/datasets`) from the caller's side: synchronous, retrying, typed answers and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import httpx
from pydantic import BaseModel, ValidationError

from headway.client.answers import UNEXPECTED
from headway.client.client import Client
from headway.client.downloads import fetch_file, fetch_made
from headway.client.errors import ApiError
from headway.domain.ids import require_run_id
from headway.wire import run_records, runs
from headway.wire.datasets import Dataset, DatasetList, DatasetReport, ValidateRequest

Answer = TypeVar("Answer", bound=BaseModel)

_JSON = {"Content-Type": "application/json"}


class RunsClient(Client):
    """Runs and data sets of one server (see `Client`)."""

    ROOT = ""

    # make
    def create(self, request: runs.RunRequest, idempotency_key: str) -> runs.RunCreated:
        """POST /runs. The key goes with every try, so that one run comes of them all."""
        return self._post("/runs", request, runs.RunCreated, key=idempotency_key)

    def preview(self, request: runs.RunRequest) -> runs.RunPreview:
        """POST /runs/preview: what would be trained, on how much, for how long. Nothing is created."""
        return self._post("/runs/preview", request, runs.RunPreview)

    def clone(self, run_id: str, request: runs.CloneRequest, idempotency_key: str) -> runs.RunCreated:
        """POST /runs/{id}/clone: the same once more, with what the request changes."""
        return self._post(f"{_path(run_id)}/clone", request, runs.RunCreated, key=idempotency_key)

    # look
    def list(self, *, limit: int = 50, cursor: str | None = None, **which: Any) -> runs.RunList:
        """GET /runs: a page, newest first unless `which` says otherwise; `next_cursor` leads to the next."""
        asked = {"limit": limit, "cursor": cursor, **which}
        return self._get("/runs", runs.RunList, params=asked)

    def get(self, run_id: str) -> runs.TrainingRun:
        """GET /runs/{id}."""
        return self._get(_path(run_id), runs.TrainingRun)

    def compare(self, run_ids: Sequence[str], **which: Any) -> run_records.RunComparison:
        """GET /runs/compare: on what runs differ, and their numbers side by side."""
        asked = {"ids": ",".join(map(require_run_id, run_ids)), **which}
        return self._get("/runs/compare", run_records.RunComparison, params=asked)

    def metrics(self, run_id: str, *, names: Sequence[str] = (), **which: Any) -> run_records.MetricSeries:
        """GET /runs/{id}/metrics: series by name; all when none is named."""
        asked = {"names": ",".join(names) or None, **which}
        return self._get(f"{_path(run_id)}/metrics", run_records.MetricSeries, params=asked)

    def export_metrics(
        self, run_id: str, target: Path, *, table: runs.TableFormat, names: Sequence[str] = (), **which: Any
    ) -> Sequence[str]:
        """GET /runs/{id}/metrics into a file, each row a name, a step and a value, every point of the series. Returns
        the names that have more points than a table takes."""
        asked = _known({"format": table, "names": ",".join(names) or None, **which})
        headers = fetch_made(self.connection, f"{_path(run_id)}/metrics", target, params=asked)
        return [unquote(name) for name in headers.get("X-Thinned", "").split(",") if name]

    def logs(self, run_id: str, **which: Any) -> run_records.LogPage:
        """GET /runs/{id}/logs: lines of the console, from an offset or the last ones, or those that hold a text."""
        return self._get(f"{_path(run_id)}/logs", run_records.LogPage, params=which)

    def search_logs(
        self, run_id: str, text: str, *, tail: int = 200, attempt: int | None = None
    ) -> run_records.LogPage:
        """The lines of the whole console that hold a text, page after page; not `done` where `tail` ended it."""
        page = self.logs(run_id, search=text, tail=min(tail, _PAGE_LINES), attempt=attempt)
        lines = page.lines
        while not page.done and len(lines) < tail:
            rest = {"attempt": page.attempt, "offset": page.next_offset}
            page = self.logs(run_id, search=text, tail=min(tail - len(lines), _PAGE_LINES), **rest)
            lines = [*lines, *page.lines]
        return page.model_copy(update={"lines": lines})

    # steer
    def label(self, run_id: str, request: runs.LabelRequest) -> runs.TrainingRun:
        """PATCH /runs/{id}: another name, other tags, other notes."""
        return self._ask("PATCH", _path(run_id), runs.TrainingRun, content=_encode(request), headers=_JSON)

    def cancel(self, run_id: str) -> runs.RunCancelled:
        """POST /runs/{id}/cancel. Asking again is quiet."""
        return self._ask("POST", f"{_path(run_id)}/cancel", runs.RunCancelled)

    def resume(self, run_id: str, request: runs.ResumeRun | None = None) -> runs.RunCreated:
        """POST /runs/{id}/resume. It carries no key: it is tried again only when it cannot have reached the server."""
        path, content = f"{_path(run_id)}/resume", _encode(request or runs.ResumeRun())
        answer = self.connection.retrying(
            lambda: self.connection.send("POST", path, content=content, headers=_JSON), repeatable=False
        )
        return _read(answer, runs.RunCreated)

    # files
    def artifacts(self, run_id: str) -> run_records.ArtifactList:
        """GET /runs/{id}/artifacts."""
        return self._get(f"{_path(run_id)}/artifacts", run_records.ArtifactList)

    def download(self, run_id: str, artifact: run_records.ArtifactInfo, target: Path) -> Path:
        """GET /runs/{id}/artifacts/{name} into a file, going on where a broken try stopped; whole and verified, or an
        error and no file. CorruptRunFile when it is not what its hash says."""
        path = f"{_path(run_id)}/artifacts/{quote(artifact.name)}"
        fetch_file(self.connection, path, artifact, target)
        return target

    def download_checkpoint(self, run_id: str, checkpoint: str, target: Path) -> Path:
        """GET /runs/{id}/artifacts/{checkpoint}.tar into a file: a whole checkpoint, by the path that the run tells."""
        name = quote(f"{checkpoint}.tar")
        fetch_made(self.connection, f"{_path(run_id)}/artifacts/{name}", target)
        return target

    def predict(
        self, run_id: str, target: Path, *, data: str | None = None, table: runs.TableFormat = "parquet"
    ) -> Path:
        """GET /runs/{id}/predict into a file: forecasts on candles that the server has, by name, or on the run's
        own."""
        asked = _known({"data": data, "format": table})
        fetch_made(self.connection, f"{_path(run_id)}/predict", target, params=asked, timeout=_PREDICT_S)
        return target

    # data
    def datasets(self) -> DatasetList:
        """GET /datasets: the candles that the server has."""
        return self._get("/datasets", DatasetList)

    def validate_dataset(self, filename: str) -> DatasetReport:
        """POST /datasets/validate."""
        return self._post("/datasets/validate", ValidateRequest(filename=filename), DatasetReport)

    def upload_dataset(self, file: Path) -> Dataset:
        """PUT /datasets/{filename}: candles from this machine. The name says symbol and timeframe."""
        return _read(self.connection.retrying(lambda: self._send_file(file)), Dataset)

    def _send_file(self, file: Path) -> httpx.Response:
        with file.open("rb") as content:
            return self.connection.send("PUT", f"/datasets/{quote(file.name)}", content=content)

    def _get(self, path: str, shape: type[Answer], params: dict[str, Any] | None = None) -> Answer:
        return self._ask("GET", path, shape, params=_known(params or {}))

    def _post(self, path: str, request: BaseModel, shape: type[Answer], *, key: str | None = None) -> Answer:
        headers = _JSON if key is None else {**_JSON, "Idempotency-Key": key}
        return self._ask("POST", path, shape, content=_encode(request), headers=headers)

    def _ask(self, method: str, path: str, shape: type[Answer], **arguments: Any) -> Answer:
        return _read(self.connection.retrying(lambda: self.connection.send(method, path, **arguments)), shape)


_PREDICT_S = 600.0
_PAGE_LINES = 10_000  # of the console, as the server gives them at once


def _known(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _path(run_id: str) -> str:
    return f"/runs/{require_run_id(run_id)}"


def _encode(request: BaseModel) -> str:
    """What was set alone: what is left out is for the server to decide."""
    return request.model_dump_json(exclude_unset=True)


def _read(answer: httpx.Response, shape: type[Answer]) -> Answer:
    """The answer as its shape; ApiError when it has another."""
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        text = f"the server's answer cannot be read: {place}: {first['msg']}"
        remedy = "Check that TRAIN_API_HOST names a Headway server of this version"
        raise ApiError(answer.status_code, UNEXPECTED, text, {"remedy": remedy}) from error
