"""The one door through which a run changes its state. Every change is an event of the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headway.control.judge import Verdict
from headway.domain.events import EventKind
from headway.domain.json import JsonObject
from headway.domain.progress import Progress
from headway.domain.reasons import rule_of
from headway.domain.runs import Run
from headway.domain.states import State, require_transition
from headway.ports import Transaction
from headway.wire.crashpoints import reach

# When lists are told a run's numbers: now and then while it runs, and whenever it comes to rest.
_NUMBERS_SETTLED = {
    EventKind.CHECKPOINT_SAVED,
    EventKind.EVALUATION_STARTED,
    EventKind.ATTEMPT_ENDED,
    EventKind.RUN_RESUMED,
    EventKind.RUN_ENDED,
}


def advance(
    tx: Transaction,
    run: Run,
    kind: EventKind,
    *,
    at: datetime,
    data: JsonObject | None = None,
    **changes: Any,
) -> Run:
    """Keep one fact about a run, and with it the changes that it means (`state=` among them).

    Raises IllegalTransition for a move that the table does not allow, StaleAttempt when the run has moved on.
    """
    state = changes.get("state", run.state)
    if state is not run.state:
        require_transition(run.state, state)
    moved = run.evolve(event_seq=run.event_seq + 1, **changes)
    tx.update_run(moved, expected_seq=run.event_seq)
    if kind in _NUMBERS_SETTLED:
        tx.index_numbers(moved)
    reach("advance.updated")
    tx.append_event(run.id, moved.event_seq, moved.attempt, at, kind, data or {})
    return moved


def end(
    tx: Transaction,
    run: Run,
    verdict: Verdict,
    *,
    at: datetime,
    attempt_runtime_s: float = 0.0,
) -> Run:
    """End a run for its reason: it leaves the queue, or gives back its slots and its lease."""
    reason, error = verdict.reason, verdict.error
    state = rule_of(reason).end
    _release(tx, run)
    return advance(
        tx,
        run,
        EventKind.RUN_ENDED,
        at=at,
        data={
            "state": state.value,
            "reason": reason.value,
            "error": error,
            "attempt_runtime_s": attempt_runtime_s,
            "runtime_s": run.spent_s,
        },
        state=state,
        reason=reason,
        error=error,
        result=verdict.result,
        finished_at=at,
        contact_lost_since=None,
        progress=_last_progress(run, state),
    )


def requeue(tx: Transaction, run: Run, verdict: Verdict, *, at: datetime, attempt_runtime_s: float) -> Run:
    """Close a lost attempt and put the run back into the queue for the next one."""
    _release(tx, run)
    queued = advance(
        tx,
        run,
        EventKind.ATTEMPT_ENDED,
        at=at,
        data={
            "attempt": run.attempt,
            "reason": verdict.reason.value,
            "error": verdict.error,
            "attempt_runtime_s": attempt_runtime_s,
        },
        state=State.QUEUED,
        retries=run.retries + 1,
        contact_lost_since=None,
        progress=Progress(phase=f"waiting for attempt {run.attempt + 1}"),
    )
    tx.enqueue(queued)
    return queued


def _release(tx: Transaction, run: Run) -> None:
    """What waits holds nothing, and what holds slots does not wait: `claim_next` moves a run from one to the other."""
    if run.state is State.QUEUED:
        tx.dequeue(run.id)
    else:
        tx.free_slots(run.id)
        tx.drop_lease(run.id)


def _last_progress(run: Run, state: State) -> Progress:
    """Done is 1.0; a run that failed or was cancelled keeps the fraction that it reached."""
    if state is State.DONE:
        return Progress(
            1.0, "complete", run.progress.step, run.progress.steps_total, rate_per_s=run.progress.rate_per_s
        )
    return Progress(run.progress.fraction, state.value, run.progress.step, run.progress.steps_total)
