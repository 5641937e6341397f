"""`/runs/{id}/artifacts` and `/runs/{id}/predict`: files of a run, and forecasts by its model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from headway.api import run_examples as examples
from headway.api.jobs import as_json
from headway.api.run_series import CSV, PARQUET
from headway.api.runs import RunId
from headway.api.service import Service
from headway.control.archive import measure_tar, open_members, stream_tar
from headway.control.files import (
    RunFile,
    find_checkpoint_folder,
    find_file,
    list_files,
)
from headway.control.predict import predict
from headway.control.run_views import to_artifact
from headway.wire import run_records, runs

_BINARY = "application/octet-stream"
_TAR = "application/x-tar"
_TYPES = {"json": "application/json", "csv": CSV, "parquet": PARQUET}
_TEXT = "text/plain; charset=utf-8"
_SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    **dict.fromkeys((".json", ".yaml", ".yml", ".csv", ".txt", ".log", ".md"), _TEXT),
}
_AS_FILE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
# A file of a run is written by somebody else's program. Where one is shown, it is a page of no origin: its own styles,
# scripts and data: images work; it has no cookie, reaches no address, sends no form and moves no window.
_IN_A_BOX = {
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "img-src data:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
}

FileName = Annotated[
    str, PathParameter(description="As the list names it; `checkpoints/<step>.tar` for a whole checkpoint.")
]
Show = Annotated[
    bool,
    Query(description="To look at in a browser, in a sandbox: HTML, images, text. Other files come as ever."),
]
IfNoneMatch = Annotated[str | None, Header(max_length=1000)]
DataFile = Annotated[
    str | None,
    Query(max_length=200, description="A file of the candles folder; the run's own data without one."),
]


def make_files_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = APIRouter(prefix="/runs", tags=["runs"])
    _add_artifacts(router, service)
    _add_prediction(router, service)
    return router


def _add_artifacts(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get(
        "/{run_id}/artifacts", response_model=run_records.ArtifactList, responses=examples.of_artifacts()
    )
    def list_artifacts(run_id: RunId) -> Response:
        """The files of a run: artifacts, checkpoints file by file, report, manifest."""
        found = [to_artifact(file) for file in list_files(context, run_id)]
        return as_json(run_records.ArtifactList(artifacts=found, total_count=len(found)))

    @router.get("/{run_id}/artifacts/{name:path}", response_class=Response, responses=examples.of_artifact())
    def get_artifact(
        run_id: RunId, name: FileName, show: Show = False, if_none_match: IfNoneMatch = None
    ) -> Response:
        """One file, to keep or to `show`. `Range`, `If-Range` and `If-None-Match` are kept to."""
        folder = find_checkpoint_folder(context, run_id, name)
        if folder is not None:
            members = open_members(folder)
            headers = {
                **_as_download(f"{run_id}-{folder.name}.tar"),
                "Content-Length": str(measure_tar(members)),
            }
            return StreamingResponse(stream_tar(members), media_type=_TAR, headers=headers)
        return _answer(find_file(context, run_id, name), if_none_match, show=show)


def _add_prediction(router: APIRouter, service: Service) -> None:
    @router.get("/{run_id}/predict", response_class=Response, responses=examples.of_predict())
    def get_prediction(
        run_id: RunId,
        data: DataFile = None,
        table: Annotated[runs.TableFormat, Query(alias="format")] = "parquet",
    ) -> Response:
        """Forecasts with the model of a completed run, one row a bar."""
        folder = tempfile.TemporaryDirectory(prefix="headway-predict-")
        try:
            path = predict(service.context, service.predictor, run_id, data, Path(folder.name), table)
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(
            path,
            media_type=_TYPES[table],
            headers=_as_download(f"{run_id}-predictions.{table}"),
            background=BackgroundTask(folder.cleanup),
        )


def _answer(file: RunFile, if_none_match: str | None, *, show: bool) -> Response:
    tag = f'"{(file.sha256 or "")[:16]}-{file.modified_ns:x}-{file.size_bytes:x}"'
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": _AS_FILE["Cache-Control"]})
    shown = _SHOWN.get(file.path.suffix.lower()) if show else None
    headers = {**_AS_FILE, **_IN_A_BOX} if shown else _as_download(file.path.name)
    return FileResponse(file.path, media_type=shown or _BINARY, headers={**headers, "ETag": tag})


def _matches(asked: str, tag: str) -> bool:
    tags = [part.strip().removeprefix("W/") for part in asked.split(",")]
    return "*" in tags or tag in tags


def _as_download(name: str) -> dict[str, str]:
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_"
        for letter in name
    )
    return {**_AS_FILE, "Content-Disposition": f'attachment; filename="{plain}"'}
