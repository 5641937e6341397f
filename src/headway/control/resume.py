"""Resume a failed or cancelled run: a new attempt from its newest verified checkpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headway.control.advance import advance
from headway.control.context import Context, Policy
from headway.control.translate import limits_of_resume
from headway.control.translate_runs import RUNS, limits_of_run_resume
from headway.domain.errors import NotResumable
from headway.domain.events import EventKind
from headway.domain.limits import Limits
from headway.domain.progress import Progress
from headway.domain.runs import Run
from headway.domain.states import RESUMABLE, State
from headway.ports import Transaction
from headway.wire.jobs import ResumeRequest
from headway.wire.rundir import find_checkpoint
from headway.wire.runs import ResumeRun

_LEAST_ALLOWANCE_S = 1.0


def resume(context: Context, run_id: str, request: ResumeRequest | ResumeRun) -> tuple[Run, int]:
    """Put a run back into the queue; returns it with its queue position.

    What earlier attempts have spent counts: a run that reached its limit needs a higher one.
    Raises NotFound, NotResumable, InvalidInput.
    """
    run = context.store.read(lambda tx: tx.get_run(run_id))
    _require_resumable(run)
    limits = _raise_limits(request, run.spec.limits, context.policy)
    _require_allowance(run, limits)
    checkpoint = find_checkpoint(context.run_dir(run_id))
    path = checkpoint.path if checkpoint else None
    now = context.clock.now()
    return context.commit(run_id, lambda tx: _requeue(tx, run_id, limits, path, now))


def _raise_limits(request: ResumeRequest | ResumeRun, old: Limits, policy: Policy) -> Limits:
    if isinstance(request, ResumeRun):
        return limits_of_run_resume(request, old, policy)
    return limits_of_resume(request, old, policy)


def _requeue(
    tx: Transaction, run_id: str, limits: Limits, checkpoint: str | None, now: datetime
) -> tuple[Run, int]:
    run = tx.get_run(run_id)
    _require_resumable(run)
    resumed = advance(
        tx,
        run,
        EventKind.RUN_RESUMED,
        at=now,
        data={"checkpoint": checkpoint, "from_state": run.state.value},
        state=State.QUEUED,
        spec=replace(run.spec, limits=limits),
        reason=None,
        error=None,
        result=None,
        finished_at=None,
        cancel_requested_at=None,
        retries=0,
        progress=Progress(phase="waiting to resume"),
    )
    tx.enqueue(resumed)
    return resumed, tx.queue_position(run_id) or 0


def _require_resumable(run: Run) -> None:
    if run.state not in RESUMABLE:
        raise NotResumable(
            f"{run.id} is {run.state}: only a failed or cancelled run resumes", state=run.state
        )


def _require_allowance(run: Run, limits: Limits) -> None:
    hard_s, budget_s = limits.hard_duration_s, limits.budget_s
    hours, cost = (
        ("max_hours", "max_cost_usd") if run.spec.origin == RUNS else ("maxDurationHours", "maxCostUsd")
    )
    if hard_s is not None and hard_s - run.spent_s < _LEAST_ALLOWANCE_S:
        raise NotResumable(
            f"{run.id} has used its {hard_s / 3600:g} hours: resume it with a higher {hours}",
            state=run.state,
        )
    if budget_s is not None and budget_s - run.spent_s < _LEAST_ALLOWANCE_S:
        raise NotResumable(
            f"{run.id} has used its ${limits.max_cost_usd:g}: resume it with a higher {cost}",
            state=run.state,
        )
