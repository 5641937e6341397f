"""`/api/training/real-session`: the same engine, with a request that is held until the end."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import APIRouter, Response

from headway.api import examples
from headway.api.jobs import as_json
from headway.api.routes import make_router
from headway.api.service import Service
from headway.api.streams import until_ended
from headway.api.views import to_accepted, to_job
from headway.control.query import RunView
from headway.control.submit import Submission, submit
from headway.control.translate import REAL_SESSION, spec_of_session
from headway.domain.errors import Busy
from headway.domain.runs import Run
from headway.domain.states import TERMINAL, State
from headway.ports import RunFilter, Transaction
from headway.wire.jobs import RealSession, RealSessionRequest

_UNDER_WAY = frozenset(State) - TERMINAL


def make_sessions_router(service: Service) -> APIRouter:
    """The one route of synchronous sessions."""
    router = make_router("/api/training", tag="synchronous sessions")
    context = service.context

    @router.post("/real-session", response_model=RealSession, responses=examples.of_session())
    async def train_now(request: RealSessionRequest) -> Response:
        """Train and wait for the end. A client that goes away does not end the training: it is a job like any other."""
        accepted = await run_sync(_start, service, request)
        run = await until_ended(context, accepted, service.closing)
        status = 200 if run.state is State.DONE else 500 if run.ended else 503
        return as_json(_to_session(run, service), status)

    return router


def _start(service: Service, request: RealSessionRequest) -> str:
    spec = spec_of_session(request, service.context.policy)
    owner = f"{service.owner}/session"  # sessions take nothing from the hourly rate of jobs
    submission = Submission(spec, owner, to_accepted, rate_limited=False, guard=_require_alone)
    return submit(service.context, submission).run_id


def _require_alone(tx: Transaction) -> None:
    others = tx.list_runs(RunFilter(origin=REAL_SESSION, states=_UNDER_WAY, limit=1)).runs
    if others:
        raise Busy(f"a session is under way: {others[0].id}", run_id=others[0].id)


def _to_session(run: Run, service: Service) -> RealSession:
    job = to_job(RunView(run, None, None), service.context.run_dir(run.id))
    message = job.reason_text or f"the server is about to end; the training goes on as {run.id}"
    return RealSession(
        success=run.state is State.DONE,
        message=message,
        error=run.error,
        job=job,
        metrics=job.metrics,
        artifacts=job.artifacts,
        manifest_path=job.manifest_path,
        generation=job.metrics.generation if job.metrics else None,
        improvement_pct=job.metrics.improvement_pct if job.metrics else None,
    )
