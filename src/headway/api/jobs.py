"""`/api/training/jobs` and `/api/training/queue`."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from headway.api import examples
from headway.api.routes import make_router
from headway.api.service import Service
from headway.api.streams import Following, follow_run
from headway.api.views import to_accepted, to_job, to_queue, to_results, to_summary
from headway.control.cancel import pass_on, record_cancel
from headway.control.list_cursors import read_cursor, write_cursor
from headway.control.preflight import has_passed, preflight
from headway.control.query import get_view, list_views, read_console, require_findable, view_queue
from headway.control.resume import resume
from headway.control.submit import Accepted, Submission, find_replay, submit_later
from headway.control.translate import JOBS, spec_of_job
from headway.domain.clock import format_utc
from headway.domain.errors import InvalidInput, NotReady, PreflightFailed
from headway.domain.json import JsonObject, canonical_json
from headway.domain.states import ACTIVE, State
from headway.ports import RunFilter
from headway.wire import jobs
from headway.wire.jobs import MAX_KEY, ResumeRequest, Steps, TrainingRequest

JobId = Annotated[str, Path(description="`tr_<milliseconds>_<8 hex>`", examples=[examples.JOB_ID])]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_KEY,
        description="Sent again with the same body, the first answer is given again.",
    ),
]

_MAX_NUMBER = 2**63 - 1  # of a database
_MAX_ATTEMPT = 1_000_000


def make_jobs_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = make_router("/api/training", tag="training jobs")
    _add_creation(router, service)
    _add_list(router, service)
    _add_one(router, service)
    _add_following(router, service)
    _add_acting(router, service)
    return router


def _add_creation(router: APIRouter, service: Service) -> None:
    @router.post("/jobs", status_code=202, response_model=jobs.JobAccepted, responses=examples.of_create())
    async def create_job(
        request: TrainingRequest,
        key: Key = None,
        steps: Annotated[Steps | None, Query(description="As `steps` in the body.")] = None,
    ) -> Response:
        """Accept a training. The answer comes once the run is durable; the training begins when a slot is free."""
        accepted = await _accept(service, _with_steps(request, steps), key)
        headers = {"Location": f"/api/training/jobs/{accepted.run_id}/status"}
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        return JSONResponse(accepted.response, 202, headers)


def _add_list(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("/jobs", response_model=jobs.JobList, responses=examples.of_list())
    def list_jobs(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        state: Annotated[State | None, Query(description="Only jobs in this state.")] = None,
        cursor: Annotated[str | None, Query(description="`nextCursor` of the page before.")] = None,
    ) -> Response:
        """Jobs, newest first, with the number of all that match."""
        states = None if state is None else frozenset({state})
        which = RunFilter(origin=JOBS, states=states, after=read_cursor(cursor), limit=limit)
        page = list_views(context, which)
        found = jobs.JobList(
            jobs=[to_job(view, context.run_dir(view.run.id)) for view in page.views],
            total=page.total,
            queue=to_summary(view_queue(context, 0)),
            next_cursor=write_cursor(page.last),
        )
        return as_json(found)

    @router.get("/queue", response_model=jobs.QueueStatus, responses=examples.of_queue())
    def get_queue() -> Response:
        """What runs, what waits in which order, and the slots."""
        return as_json(to_queue(view_queue(context)))


def _add_one(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("/jobs/{job_id}/status", response_model=jobs.JobStatus, responses=examples.of_status())
    def get_status(job_id: JobId) -> Response:
        """How a job stands."""
        return as_json(jobs.JobStatus(job=to_job(get_view(context, job_id), context.run_dir(job_id))))

    @router.get("/jobs/{job_id}/results", response_model=jobs.JobResults, responses=examples.of_results())
    def get_results(job_id: JobId) -> Response:
        """What came out of a job that has ended, however it ended."""
        view = get_view(context, job_id)
        if not view.run.ended:
            raise NotReady(f"{job_id} has not ended: it is {view.run.state}", state=view.run.state.value)
        return as_json(to_results(view, context.run_dir(job_id)))

    @router.get("/jobs/{job_id}/logs", response_class=PlainTextResponse, responses=examples.of_logs())
    def get_logs(
        job_id: JobId,
        tail: Annotated[
            int, Query(ge=0, le=10_000, description="Last lines, when no offset is given.")
        ] = 200,
        offset: Annotated[int | None, Query(ge=0, le=_MAX_NUMBER, description="Byte to go on from.")] = None,
        attempt: Annotated[
            int | None, Query(ge=1, le=_MAX_ATTEMPT, description="The newest by default.")
        ] = None,
    ) -> Response:
        """What the training process has printed; `X-Next-Offset` is where to go on."""
        piece = read_console(context, job_id, attempt=attempt, offset=offset, tail_lines=tail)
        return PlainTextResponse(piece.content, headers={"X-Next-Offset": str(piece.next_offset)})


def _add_following(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=examples.of_events())
    def follow_events(
        job_id: JobId,
        last_event_id: Annotated[int | None, Header(ge=0, le=_MAX_NUMBER)] = None,
        after: Annotated[int, Query(ge=0, le=_MAX_NUMBER, description="As `Last-Event-ID`.")] = 0,
        *,
        follow: Annotated[bool, Query(description="False: end once all that is kept was told.")] = True,
    ) -> Response:
        """Server-Sent Events: kept events with `id`, transient `progress`, and one `end`."""
        get_view(context, job_id)
        asked = Following(job_id, max(after, last_event_id or 0), follow)
        frames = follow_run(context, asked, service.closing)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)


def _add_acting(router: APIRouter, service: Service) -> None:
    context = service.context

    @router.delete(
        "/jobs/{job_id}", status_code=202, response_model=jobs.CancelAccepted, responses=examples.of_cancel()
    )
    async def cancel_job(job_id: JobId) -> Response:
        """Ask a job to end. It is `cancelled` once nothing of it is alive."""
        by = f"secret {service.owner}"
        run = await service.landing.wait(record_cancel(context, require_findable(job_id), by=by))
        if run.state in ACTIVE:
            await run_sync(partial(pass_on, context, run, by=by))
        asked_at = run.cancel_requested_at or context.clock.now()
        accepted = jobs.CancelAccepted(
            job_id=run.id, state=run.state.value, cancel_requested_at=format_utc(asked_at)
        )
        return as_json(accepted, 202)

    @router.post(
        "/jobs/{job_id}/resume",
        status_code=202,
        response_model=jobs.JobAccepted,
        responses=examples.of_resume(),
    )
    def resume_job(job_id: JobId, request: ResumeRequest | None = None) -> Response:
        """Go on with a failed or cancelled job, from its newest checkpoint that verifies."""
        get_view(context, job_id)
        run, position = resume(context, job_id, request or ResumeRequest())
        return JSONResponse(to_accepted(run, position), 202)


async def _accept(service: Service, asked: TrainingRequest, key: str | None) -> Accepted:
    """Accept a job; what was accepted before is told again also where it would be refused today."""
    context = service.context
    try:
        spec = spec_of_job(asked, context.policy)
        if not has_passed(context, spec):
            await run_sync(preflight, context, spec)
        submission = Submission(spec, service.owner, to_accepted, key, hash_sent(spec.request))
        return await service.landing.wait(submit_later(context, submission))
    except (InvalidInput, PreflightFailed):
        replay = await run_sync(find_replay, context, service.owner, key, hash_body(asked))
        if replay is None:
            raise
        return replay


def as_json(body: BaseModel, status: int = 200) -> Response:
    """A body that was validated when it was made: it is not validated again."""
    return Response(body.model_dump_json(by_alias=True), status, media_type="application/json")


def hash_body(request: BaseModel) -> str:
    """What must be the same for a request to be the same, however its JSON was spelt."""
    return hash_sent(request.model_dump(mode="json", by_alias=True))


def hash_sent(content: JsonObject) -> str:
    """As `hash_body`, of a body as a spec keeps it."""
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _with_steps(request: TrainingRequest, steps: int | None) -> TrainingRequest:
    if steps is None or steps == request.steps:
        return request
    if request.steps is not None:
        bound = f"the body says {request.steps}"
        raise InvalidInput("steps", steps, bound, remedy="Send steps once, in the body or in the query")
    return request.model_copy(update={"steps": steps})
