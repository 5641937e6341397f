"""The page of a run: how it stands, what it measures, what it says, what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.files import list_files
from headway.control.history import read_history
from headway.control.outcomes import why_nothing
from headway.control.query import get_view
from headway.control.run_views import to_artifact, to_run
from headway.control.tables import read_head
from headway.control.translate_runs import write_yaml
from headway.domain.clock import format_utc, utc_now
from headway.domain.errors import CorruptRunFile, HeadwayError, NotFound
from headway.domain.reasons import Reason, rule_of
from headway.web import run_sections as sections
from headway.web.kinds import KINDS
from headway.web.outcome_sections import TITLES, told_of
from headway.web.templates import Templates
from headway.wire.run_records import ArtifactInfo
from headway.wire.rundir import find_json
from headway.wire.runs import TrainingRun

_MAX_ATTEMPT = 1_000_000
_SHOWN = (
    ".html",
    ".svg",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".json",
    ".yaml",
    ".yml",
    ".csv",
    ".txt",
    ".log",
)
_TABLE = ".parquet"


@dataclass(frozen=True)
class RunPage:
    """Routes of a run's page and of what it shows from files."""

    context: Context
    templates: Templates

    def routes(self) -> list[Route]:
        return [
            Route("/runs/{run_id}", self.show, methods=["GET"]),
            Route("/runs/{run_id}/console.txt", self.get_console, methods=["GET"]),
            Route("/runs/{run_id}/table/{name:path}", self.show_table, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """The whole page. Its script asks for it again when something happened, and takes over what is new."""

        def render() -> Response:
            return self.templates.render(
                request, "run/page.html", **self._view(request.path_params["run_id"])
            )

        return await self._answer(request, render)

    async def get_console(self, request: Request) -> Response:
        """The console of an attempt, whole, as a file."""

        def find() -> Response:
            run = get_view(self.context, request.path_params["run_id"]).run
            number = _attempt_of(request, run.attempt)
            path = self.context.run_dir(run.id).attempt(number).console
            if not path.is_file():
                raise NotFound(f"attempt {number} of {run.id} has written no console")
            name = f"{run.id}-{number}.log"
            return FileResponse(path, media_type="text/plain; charset=utf-8", filename=name)

        return await self._answer(request, find)

    async def show_table(self, request: Request) -> Response:
        """The first rows of a Parquet file, as a piece of a page."""

        def render() -> Response:
            head = read_head(self.context, request.path_params["run_id"], request.path_params["name"])
            return self.templates.render(request, "run/table.html", head=head)

        return await self._answer(request, render, piece=True)

    async def _answer(
        self, request: Request, work: Callable[[], Response], *, piece: bool = False
    ) -> Response:
        try:
            return await run_sync(work)
        except NotFound as error:
            name = "run/piece_error.html" if piece else "run/absent.html"
            return self.templates.render(request, name, 404, why=str(error))
        except HeadwayError as error:
            if not piece:
                raise
            return self.templates.render(request, "run/piece_error.html", 422, why=str(error))

    def _view(self, run_id: str) -> dict[str, Any]:
        view = get_view(self.context, run_id)
        history = read_history(self.context, run_id)
        run = to_run(view, history)
        files = [to_artifact(file) for file in list_files(self.context, run_id)]
        manifest = self._find_manifest(run_id)
        system = sections.system_figures(run)
        return {
            "run": run,
            "event_seq": view.run.event_seq,
            "now": format_utc(utc_now()),
            "notes": history.notes,
            "title": run.name or run.id,
            "badge": _badge(run),
            "data_label": run.data_label or _label_of(manifest),
            "metrics": sections.metric_figures(run),
            "system": system,
            "why_no_system": sections.shared_reason(system),
            "results": sections.result_figures(run),
            "outcome_title": TITLES.get(run.engine),
            "why_no_outcome": why_nothing(self.context, view.run),
            "told": told_of(run.engine, run.details),
            "marks": sections.pick_marks(run),
            "files": [file for file in files if file.artifact_type != "checkpoint"],
            "report": next((file for file in files if file.artifact_type == "report"), None),
            "way_to_show": _way_to_show,
            "reason_text": _reason_text,
            "config_yaml": write_yaml(run.config),
            "resolved_yaml": write_yaml(run.resolved),
            "manifest": manifest,
            "may_clone": any(kind.origin == run.origin for kind in KINDS.values()),
        }

    def _find_manifest(self, run_id: str) -> dict[str, Any] | None:
        try:
            return find_json(self.context.run_dir(run_id).manifest)
        except CorruptRunFile:
            return None


def _badge(run: TrainingRun) -> str:
    asked = run.cancel_requested_at is not None and run.status in ("pending", "running")
    return "cancelling" if asked else run.status


def _label_of(manifest: dict[str, Any] | None) -> str | None:
    """What the data are when they are not the user's own, before there is a result."""
    sources = (manifest or {}).get("data")
    labels = [source.get("label") for source in sources or [] if isinstance(source, dict)]
    return next((str(label) for label in labels if label), None)


def _way_to_show(file: ArtifactInfo) -> str | None:
    """How a file is shown here: `page` in a frame, `image`, `text`, `table`; None when it can only be fetched."""
    name = file.name.lower()
    if name.endswith(_TABLE):
        return "table"
    suffix = next((known for known in _SHOWN if name.endswith(known)), None)
    if suffix is None:
        return None
    if suffix in (".html", ".svg"):
        return "page"
    return "image" if suffix in (".png", ".jpg", ".jpeg", ".gif", ".webp") else "text"


def _reason_text(reason: str | None) -> str:
    try:
        return rule_of(Reason(reason or "")).text
    except ValueError:
        return reason or ""


def _attempt_of(request: Request, newest: int) -> int:
    text = request.query_params.get("attempt", "")
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MAX_ATTEMPT else newest
