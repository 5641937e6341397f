"""Cancel a run: record the request, tell the executor; the end is claimed only once death is proven."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime

from headway.control.advance import advance, end
from headway.control.context import Context
from headway.control.judge import Verdict
from headway.domain.clock import format_utc
from headway.domain.errors import AlreadyEnded
from headway.domain.events import EventKind
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import ACTIVE, State
from headway.ports import Transaction
from headway.wire.attempts import StopRequest, Verb

_WHY = "asked to"


def cancel(context: Context, run_id: str, *, by: str, why: str = _WHY) -> Run:
    """Ask a run to end. A queued one is cancelled at once; an active one once nothing of it is alive.

    Asking twice is quiet. Raises NotFound, AlreadyEnded.
    """
    run = record_cancel(context, run_id, by=by, why=why).result()
    pass_on(context, run, by=by, why=why)
    return run


def pass_on(context: Context, run: Run, *, by: str, why: str = _WHY) -> None:
    """The second half of `cancel`: an active run is told. What stands in the way is left to the watcher."""
    if run.state in ACTIVE:
        with suppress(OSError):
            tell_executor(context, run, by=by, why=why)


def record_cancel(context: Context, run_id: str, *, by: str, why: str = _WHY) -> Future[Run]:
    """The first half of `cancel`, without waiting for it: `pass_on` is the second."""
    now = context.clock.now()
    return context.commit_later(run_id, lambda tx: _record(tx, run_id, now, {"by": by, "why": why}))


def tell_executor(context: Context, run: Run, *, by: str, why: str = _WHY) -> None:
    """Pass a recorded request on. Idempotent: it is done again after a restart. OSError where that cannot be done."""
    at = run.cancel_requested_at or context.clock.now()
    request = StopRequest(Verb.CANCEL, by, why, format_utc(at))
    context.executor_of(run).cancel(run.id, run.attempt, request)


def _record(tx: Transaction, run_id: str, now: datetime, data: dict[str, str]) -> Run:
    run = tx.get_run(run_id)
    if run.ended:
        raise AlreadyEnded(f"{run.id} has ended ({run.state})", state=run.state)
    if run.cancel_requested_at is not None:
        return run
    asked = advance(tx, run, EventKind.CANCEL_REQUESTED, at=now, data=data, cancel_requested_at=now)
    if asked.state is State.QUEUED:  # nothing of it was ever started, or its last attempt is proven dead
        return end(tx, asked, Verdict(Reason.CANCELLED_BY_USER), at=now)
    return asked
