"""Close an attempt whose death is proven: the run ends, or goes back into the queue for another attempt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from headway.control.advance import end, requeue
from headway.control.context import Context
from headway.control.ingest import drain
from headway.control.judge import Farewell, Verdict, judge
from headway.domain.errors import CorruptRunFile
from headway.domain.reasons import Reason, rule_of
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.ports import Transaction
from headway.wire.attempts import ExitRecord
from headway.wire.crashpoints import reach
from headway.wire.lines import LineKind, read_lines
from headway.wire.remains import sweep_remains
from headway.wire.rundir import RunDir, find_json

_log = structlog.get_logger("headway.finish")

_TAIL_BYTES = 64 << 10


def finish(context: Context, run: Run, proof: ExitRecord) -> Run:
    """Close the run's current attempt. Idempotent: an attempt that is closed already stays as it is."""
    drain(context, run)
    reach("finish.drained")
    folder = context.run_dir(run.id)
    sweep_remains(folder, folder.attempt(run.attempt))
    verdict = judge(
        proof,
        result=_read_result(folder, run.attempt),
        farewell=_read_farewell(folder.attempt(run.attempt).events),
        cancel_requested=run.cancel_requested_at is not None,
    )
    now = context.clock.now()
    limit = context.policy.max_attempts
    reach("finish.judged")
    closed = context.commit(run.id, lambda tx: _close(tx, run, proof, verdict, now=now, max_attempts=limit))
    reach("finish.committed")
    return closed


def _close(
    tx: Transaction, seen: Run, proof: ExitRecord, verdict: Verdict, *, now: datetime, max_attempts: int
) -> Run:
    run = tx.get_run(seen.id)
    if run.ended or run.attempt != seen.attempt:
        return run
    spent_s = proof.runtime_s
    run = run.evolve(spent_s=run.spent_s + spent_s)
    if rule_of(verdict.reason).retried:
        if run.cancel_requested_at is not None:
            verdict = Verdict(Reason.CANCELLED_BY_USER)
        elif run.retries + 1 < max_attempts:
            return requeue(tx, run, verdict, at=now, attempt_runtime_s=spent_s)
    return end(tx, run, verdict, at=now, attempt_runtime_s=spent_s)


def _read_result(folder: RunDir, attempt: int) -> Result | None:
    """The result of this attempt if its file is whole; an earlier attempt's does not count."""
    try:
        found = find_json(folder.result)
        if found is None or found.pop("attempt", None) != attempt:
            return None
        return Result.from_json(found)
    except (CorruptRunFile, KeyError, ValueError, TypeError) as error:
        _log.warning("the result cannot be read", file=str(folder.result), error=repr(error))
        return None


def _read_farewell(path: Path) -> Farewell | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _TAIL_BYTES, 0))
            tail = file.read()
    except FileNotFoundError:
        return None
    ended = [line.data for line in read_lines(tail).lines if line.kind is LineKind.ENDED]
    known = [data for data in ended if data.get("reason") in set(Reason)]
    return Farewell(Reason(known[-1]["reason"]), known[-1].get("error")) if known else None
