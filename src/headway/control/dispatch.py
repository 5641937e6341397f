"""Take runs from the queue and start them: claim in one transaction, launch outside of it."""

from __future__ import annotations

import errno
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from headway.control.advance import advance, end
from headway.control.context import Context, Policy
from headway.control.judge import Verdict
from headway.domain.errors import Conflict, HeadwayError, StaleAttempt, StoreUnavailable
from headway.domain.events import EventKind
from headway.domain.ids import new_token
from headway.domain.json import JsonObject
from headway.domain.limits import Limits
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import Claim, Transaction
from headway.wire.attempts import Launch
from headway.wire.crashpoints import reach
from headway.wire.rundir import RunDir, find_checkpoint, find_json, write_json

_log = structlog.get_logger("headway.dispatch")


def claim_next(context: Context, token: str | None = None) -> Claim | None:
    """Claim the first run of the queue if its slots are free, else None.

    Strictly in order: a run that waits for a slot is never overtaken, so that queue positions stay true.
    """
    if not context.store.read(_may_claim):
        return None
    now = context.clock.now()
    lease = token or new_token()
    claim = context.store.write(lambda tx: _claim(tx, context.policy, lease, now))
    if claim is not None:
        reach("claim.committed")
        context.bus.publish([claim.run.id])
    return claim


def start(context: Context, run: Run, gpus: tuple[int, ...]) -> None:
    """Start the run's current attempt. Idempotent: done again after a crash between claim and start."""
    launch = _prepare(context, run, gpus)
    reach("start.prepared")
    context.executor_of(run).start(launch)


def start_or_close(context: Context, run: Run, gpus: tuple[int, ...]) -> None:
    """Start an attempt; where that fails, make sure that it can never start, and end the run with the error.

    Raises StoreUnavailable: that is no fault of the attempt, which is started when the store answers again.
    """
    try:
        start(context, run, gpus)
    except StoreUnavailable:
        raise
    except (OSError, HeadwayError) as error:
        _log.warning("attempt could not be started", run_id=run.id, attempt=run.attempt, error=str(error))
        _close_unstarted(context, run, error)


def _close_unstarted(context: Context, run: Run, error: Exception) -> None:
    try:
        context.executor_of(run).bury(run.id, run.attempt)
    except Conflict:
        return  # it lives after all: the watcher follows it
    except (OSError, HeadwayError) as trouble:  # a full disk, no such executor: the watcher tries again
        _log.warning("attempt could not be closed", run_id=run.id, attempt=run.attempt, error=str(trouble))
        return
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    reason = Reason.DISK_FULL if full else Reason.PREFLIGHT_REJECTED
    now = context.clock.now()
    with suppress(StaleAttempt):  # it is in the hands of another server
        context.commit(
            run.id, lambda tx: _end_unstarted(tx, run, reason, f"the attempt could not start: {error}", now)
        )


def _end_unstarted(tx: Transaction, seen: Run, reason: Reason, error: str, now: datetime) -> None:
    run = tx.get_run(seen.id)
    if run.ended or run.attempt != seen.attempt:
        return
    cancelled = run.cancel_requested_at is not None
    verdict = Verdict(Reason.CANCELLED_BY_USER) if cancelled else Verdict(reason, error)
    end(tx, run, verdict, at=now)


def _may_claim(tx: Transaction) -> bool:
    """Whether there is anything to claim and a slot for it: spares a write transaction when there is not."""
    return bool(tx.queued(1)) and any(slot.kind == "cpu" and slot.run_id is None for slot in tx.slots())


def _claim(tx: Transaction, policy: Policy, token: str, now: datetime) -> Claim | None:
    for run_id in tx.queued(1):
        run = tx.get_run(run_id)
        limits = run.spec.limits
        wanted = min(limits.gpus, _count_gpus(tx))
        cpus = tx.claim_slots(run_id, "cpu", limits.cpus)
        gpus = tx.claim_slots(run_id, "gpu", wanted) if wanted else ()
        if cpus is None or gpus is None:
            tx.free_slots(run_id)
            return None
        tx.dequeue(run_id)
        tx.set_lease(run_id, token, now + timedelta(seconds=policy.lease_s))
        claimed = _open_attempt(tx, run, now)
        return Claim(_tell_gpus(tx, claimed, wanted, now), token, cpus, gpus)
    return None


def _count_gpus(tx: Transaction) -> int:
    """GPUs that the servers see now: a run that was accepted when there were more must not hold up the queue."""
    return sum(slot.kind == "gpu" for slot in tx.slots())


def _tell_gpus(tx: Transaction, run: Run, found: int, now: datetime) -> Run:
    if found >= run.spec.limits.gpus:
        return run
    text = f"accepted for {run.spec.limits.gpus} GPU, and the server sees {found} now: it trains with what there is"
    return advance(tx, run, EventKind.NOTE_LOGGED, at=now, data={"level": "warning", "text": text})


def _open_attempt(tx: Transaction, run: Run, now: datetime) -> Run:
    number = run.attempt + 1
    return advance(
        tx,
        run,
        EventKind.RUN_CLAIMED,
        at=now,
        data={"attempt": number, "executor": run.spec.executor},
        state=State.PREFLIGHT,
        attempt=number,
        progress=Progress(phase="starting"),
        latest={},
    )


def _prepare(context: Context, run: Run, gpus: tuple[int, ...]) -> Launch:
    """The launch of an attempt, with the run directory ready for it; the one written before, if there is one."""
    folder = context.run_dir(run.id)
    attempt = folder.attempt(run.attempt)
    attempt.create()
    earlier = find_json(attempt.launch)
    if earlier is not None:
        return Launch.from_json(earlier)
    write_json(folder.spec, run.spec.to_json())
    return _launch(context, run, folder, gpus)


def _launch(context: Context, run: Run, folder: RunDir, gpus: tuple[int, ...]) -> Launch:
    checkpoint = find_checkpoint(folder) if run.attempt > 1 else None
    hard_s, budget_s = _allowance(run.spec.limits, run.spent_s)
    limits = run.spec.limits
    return Launch(
        run_id=run.id,
        attempt=run.attempt,
        run_dir=str(folder.path),
        candles_dir=str(context.policy.candles_dir),
        resume_from=checkpoint.path if checkpoint else None,
        hard_deadline_s=hard_s,
        budget_s=budget_s,
        memory_bytes=limits.memory_bytes,
        grace_s=limits.grace_s,
        threads=limits.threads,
        gpus=gpus,
        context=_lineage(context, run),
    )


def _allowance(limits: Limits, spent_s: float) -> tuple[float | None, float | None]:
    """Seconds left of the hard limit and of the budget."""
    hard_s, budget_s = limits.hard_duration_s, limits.budget_s
    return (
        None if hard_s is None else max(hard_s - spent_s, 0.0),
        None if budget_s is None else max(budget_s - spent_s, 0.0),
    )


def _lineage(context: Context, run: Run) -> JsonObject:
    """Which generation of its series the run is, and the model that it will be compared with."""
    parent = context.store.read(lambda tx: tx.newest_done(run.spec.engine, run.series))
    if parent is None or parent.result is None:
        return {"generation": 1}
    generation = parent.result.metrics.get("generation")
    model = next((a.path for a in parent.result.artifacts if a.kind == "model"), None)
    found = {"generation": int(generation or 0) + 1}
    if model is None:
        return found
    model_dir = (context.run_dir(parent.id).path / Path(model)).parent
    return {**found, "predecessor": {"run_id": parent.id, "model_dir": str(model_dir)}}
