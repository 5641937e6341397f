"""`/runs`: runs of every engine, made, looked at, labelled, ended and made again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from headway.api import run_examples as examples
from headway.api.jobs import Key, as_json, hash_body, hash_sent
from headway.api.packing import PackedRoute
from headway.api.run_previews import to_preview
from headway.api.service import Service
from headway.control.cancel import cancel
from headway.control.history import read_history
from headway.control.label import relabel
from headway.control.list_cursors import write_cursor
from headway.control.numbers import Window, compare_runs
from headway.control.preview import preview
from headway.control.query import RunView, get_view, list_views
from headway.control.resume import resume
from headway.control.run_lists import ListQuery, make_filter
from headway.control.run_views import STATUSES, to_created, to_run, to_summary
from headway.control.submit import Accepted, Submission, find_replay, submit
from headway.control.translate_runs import RUNS, clone_config, config_of, spec_of_run
from headway.domain.clock import format_utc
from headway.domain.errors import AlreadyEnded, InvalidInput
from headway.domain.json import JsonObject
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire import run_records, runs

RunId = Annotated[str, Path(description="`fc_<milliseconds>_<8 hex>`", examples=[examples.RUN_ID])]
Ids = Annotated[str, Query(min_length=1, max_length=2000, description="Ids with commas between them.")]
Names = Annotated[
    str | None,
    Query(max_length=2000, description="Names of series with commas between them; all by default."),
]


def make_runs_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = APIRouter(prefix="/runs", tags=["runs"], route_class=PackedRoute)
    _add_creation(router, service)
    _add_lists(router, service)
    _add_one(router, service)
    _add_acting(router, service)
    _add_again(router, service)
    return router


def _add_creation(router: APIRouter, service: Service) -> None:
    @router.post("", status_code=201, response_model=runs.RunCreated, responses=examples.of_create())
    def create_run(request: runs.RunRequest, key: Key = None) -> Response:
        """Accept a run. The answer comes once the run is durable; it begins when a slot is free."""
        return _created(_accept(service, request, key))

    @router.post("/preview", response_model=runs.RunPreview, responses=examples.of_preview())
    def preview_run(request: runs.RunRequest) -> Response:
        """What the run would come to: context, rows, size, time, cost, place in the queue. Nothing is created."""
        spec = spec_of_run(request, service.context.policy)
        return as_json(to_preview(preview(service.context, spec), spec))


def _add_lists(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("", response_model=runs.RunList, responses=examples.of_list())
    def list_runs(query: Annotated[ListQuery, Query()]) -> Response:
        """Runs of every engine, with the number of all that match."""
        page = list_views(context, make_filter(query))
        found = [to_summary(view) for view in page.views]
        return as_json(runs.RunList(runs=found, total_count=page.total, next_cursor=write_cursor(page.last)))

    @router.get("/compare", response_model=run_records.RunComparison, responses=examples.of_compare())
    def compare(
        ids: Ids, names: Names = None, points: Annotated[int, Query(ge=2, le=2000)] = 200
    ) -> Response:
        """Runs side by side: only what differs in their configurations, and their metrics by step."""
        wanted = list(dict.fromkeys(part.strip() for part in ids.split(",") if part.strip()))
        if not 2 <= len(wanted) <= runs.MAX_COMPARED:
            raise InvalidInput("ids", ids, f"2 to {runs.MAX_COMPARED} different ids")
        found = compare_runs(context, wanted, Window(names=split_names(names), points=points))
        return as_json(
            run_records.RunComparison(
                ids=wanted,
                runs=[to_summary(RunView(run, None, None)) for run in found.runs],
                differences=[
                    run_records.Difference(key=key, values=values)
                    for key, values in found.differences.items()
                ],
                metrics={
                    name: run_records.AlignedSeries(steps=steps, values=values)
                    for name, (steps, values) in found.numbers.items()
                },
                thinned=found.thinned,
                left_out=found.left_out,
            )
        )


def _add_one(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("/{run_id}", response_model=runs.TrainingRun, responses=examples.of_run())
    def get_run(run_id: RunId) -> Response:
        """Everything about a run."""
        return _whole(service, run_id)

    @router.patch("/{run_id}", response_model=runs.TrainingRun, responses=examples.of_label())
    def label_run(run_id: RunId, request: runs.LabelRequest) -> Response:
        """Another name, other tags or notes; also of a run that has ended."""
        get_view(context, run_id)
        relabel(context, run_id, request)
        return _whole(service, run_id)


def _add_acting(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.post("/{run_id}/cancel", response_model=runs.RunCancelled, responses=examples.of_cancel())
    def cancel_run(run_id: RunId) -> Response:
        """Ask a run to end. It is `cancelled` once nothing of it is alive; asking again is quiet."""
        get_view(context, run_id)
        run = _cancel(service, run_id)
        at = run.cancel_requested_at
        found = runs.RunCancelled(
            run_id=run.id, status=STATUSES[run.state], cancel_requested_at=format_utc(at) if at else None
        )
        return as_json(found)

    @router.post("/{run_id}/resume", response_model=runs.RunCreated, responses=examples.of_resume())
    def resume_run(run_id: RunId, request: runs.ResumeRun | None = None) -> Response:
        """Go on with a failed or cancelled run, from its newest checkpoint that verifies."""
        get_view(context, run_id)
        run, position = resume(context, run_id, request or runs.ResumeRun())
        return JSONResponse(to_created(run, position))


def _add_again(router: APIRouter, service: Service) -> None:
    @router.post(
        "/{run_id}/clone", status_code=201, response_model=runs.RunCreated, responses=examples.of_clone()
    )
    def clone_run(run_id: RunId, request: runs.CloneRequest, key: Key = None) -> Response:
        """The same run once more, with what is changed here."""
        old = get_view(service.context, run_id).run
        if old.spec.origin != RUNS:
            bound = f"a run made by POST /runs; this one was made by {old.spec.origin}"
            raise InvalidInput("run id", run_id, bound, remedy="Send its request to that front door again")
        again = runs.RunRequest(
            config=clone_config({**config_of(old.spec), "seed": old.spec.seed}, request.config),
            name=old.name if request.name is None else request.name,
            tags=list(old.tags) if request.tags is None else request.tags,
            notes=old.notes if request.notes is None else request.notes,
        )
        asked = {"clone": run_id, **request.model_dump(mode="json", exclude_unset=True)}
        return _created(_accept(service, again, key, asked))


def _accept(
    service: Service, request: runs.RunRequest, key: str | None, asked: JsonObject | None = None
) -> Accepted:
    """Accept a run; what was accepted before is told again also where today's bounds would refuse it. What must be
    `asked` again to be the same is the request, unless it was made from something else."""
    context, body_sha256 = service.context, hash_body(request) if asked is None else hash_sent(asked)
    try:
        spec = spec_of_run(request, context.policy)
    except InvalidInput:
        replay = find_replay(context, service.owner, key, body_sha256)
        if replay is None:
            raise
        return replay
    tags = tuple(dict.fromkeys(request.tags))
    return submit(context, Submission(spec, service.owner, to_created, key, body_sha256, tags=tags))


def _cancel(service: Service, run_id: str) -> Run:
    """A run that was cancelled already is no error: asking twice is quiet."""
    try:
        return cancel(service.context, run_id, by=f"secret {service.owner}")
    except AlreadyEnded as error:
        if error.state != State.CANCELLED:
            raise
        return get_view(service.context, run_id).run


def _created(accepted: Accepted) -> Response:
    headers = {"Location": f"/runs/{accepted.run_id}"}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(accepted.response, 201, headers)


def _whole(service: Service, run_id: str) -> Response:
    view = get_view(service.context, run_id)
    return as_json(to_run(view, read_history(service.context, run_id)))


def split_names(names: str | None) -> tuple[str, ...]:
    """The names of a text with commas; InvalidInput for too many."""
    found = tuple(dict.fromkeys(part.strip() for part in (names or "").split(",") if part.strip()))
    if len(found) > 100:
        raise InvalidInput("names", f"{len(found)} names", "at most 100 names")
    return found
