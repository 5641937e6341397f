"""Accept a run: one transaction, made once however often the request is sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from headway.control.context import Context
from headway.control.preflight import preflight
from headway.control.translate import series_of
from headway.domain.errors import IdempotencyConflict, PreflightFailed, RateLimited
from headway.domain.events import EventKind
from headway.domain.ids import new_run_id
from headway.domain.json import JsonObject
from headway.domain.runs import Run
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.ports import Reply, Transaction
from headway.wire.crashpoints import reach

_RATE_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Submission:
    """What is to be accepted, from whom, and how the answer is worded."""

    spec: Spec
    owner: str
    answer: Callable[[Run, int], JsonObject]  # from the run and its queue position
    key: str | None = None  # idempotency key
    body_sha256: str = ""
    rate_limited: bool = True
    tags: tuple[str, ...] = ()
    guard: Callable[[Transaction], None] | None = None  # raises when the run must not be accepted now


@dataclass(frozen=True)
class Accepted:
    """The answer to give; `replayed` when the same request was accepted before."""

    response: JsonObject
    run_id: str
    replayed: bool


def find_replay(context: Context, owner: str, key: str | None, body_sha256: str) -> Accepted | None:
    """The stored answer to a request that was accepted before; IdempotencyConflict for another body.

    To be asked only when a request is about to be refused: an accepted one is looked for where it would be stored.
    """
    if key is None:
        return None
    return context.store.read(lambda tx: _replay(tx, owner, key, body_sha256))


def submit(context: Context, submission: Submission) -> Accepted:
    """Accept a run, or give the stored answer once more. When this returns, the run survives any crash.

    Raises IdempotencyConflict, RateLimited, PreflightFailed, and what the guard raises.
    """
    try:
        preflight(context, submission.spec)
        return submit_later(context, submission).result()
    except PreflightFailed:
        replay = find_replay(context, submission.owner, submission.key, submission.body_sha256)
        if replay is None:
            raise
        return replay


def submit_later(context: Context, submission: Submission) -> Future[Accepted]:
    """As `submit`, without waiting for it, of what has passed preflight. The future has the errors."""
    now = context.clock.now()
    run_id = new_run_id(submission.spec.engine, now)
    rate = context.policy.jobs_per_hour if submission.rate_limited else 0
    reach("submit.before_commit")
    accepted = context.commit_later(
        run_id, lambda tx: _accept(tx, submission, run_id=run_id, jobs_per_hour=rate, now=now)
    )
    accepted.add_done_callback(_reach_committed)
    return accepted


def _reach_committed(done: Future[Accepted]) -> None:
    if done.exception() is None:
        reach("submit.committed")


def _accept(
    tx: Transaction, submission: Submission, *, run_id: str, jobs_per_hour: int, now: datetime
) -> Accepted:
    if submission.key is not None:
        replay = _replay(tx, submission.owner, submission.key, submission.body_sha256)
        if replay is not None:
            return replay
    if submission.guard is not None:
        submission.guard(tx)
    _require_rate(tx, submission.owner, jobs_per_hour, now)
    run = _insert(tx, submission, run_id, now)
    position = tx.queue_position(run.id)
    response = submission.answer(run, position if position is not None else 0)
    if submission.key is not None:
        tx.insert_reply(
            submission.owner, submission.key, Reply(run.id, submission.body_sha256, response, now)
        )
    return Accepted(response, run.id, replayed=False)


def _insert(tx: Transaction, submission: Submission, run_id: str, now: datetime) -> Run:
    spec = submission.spec
    run = Run(
        id=run_id,
        spec=spec,
        owner=submission.owner,
        state=State.QUEUED,
        created_at=now,
        series=series_of(spec),
        event_seq=1,
        name=spec.label,
        tags=submission.tags,
        notes=spec.notes,
    )
    tx.insert_run(run)
    tx.append_event(run.id, 1, 0, now, EventKind.RUN_QUEUED, {"engine": spec.engine, "origin": spec.origin})
    tx.enqueue(run)
    return run


def _replay(tx: Transaction, owner: str, key: str, body_sha256: str) -> Accepted | None:
    reply = tx.find_reply(owner, key)
    if reply is None:
        return None
    if reply.body_sha256 != body_sha256:
        raise IdempotencyConflict(
            f"the idempotency key was used for {reply.run_id} with another body: send a new key for a new run",
            run_id=reply.run_id,
        )
    return Accepted(reply.response, reply.run_id, replayed=True)


def _require_rate(tx: Transaction, owner: str, jobs_per_hour: int, now: datetime) -> None:
    if jobs_per_hour <= 0:
        return
    begin = now - _RATE_WINDOW
    recent = [at for at in tx.creation_times(owner, begin, jobs_per_hour) if at > begin]
    if len(recent) < jobs_per_hour:
        return
    wait_s = max(ceil((recent[-1] + _RATE_WINDOW - now).total_seconds()), 1)
    raise RateLimited(
        f"{jobs_per_hour} runs an hour may be created; try again in {wait_s} s, or raise HEADWAY_JOBS_PER_HOUR",
        retry_after_s=wait_s,
    )
