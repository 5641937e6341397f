"""Read the log of an attempt into the store: lines and the offset they end at, in one transaction.

Killed anywhere, nothing is lost and nothing counted twice: either both are stored or neither is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from headway.control.advance import advance
from headway.control.context import Context
from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.clock import parse_utc
from headway.domain.errors import StaleAttempt
from headway.domain.events import EventKind
from headway.domain.metrics import MetricPoint, better
from headway.domain.progress import Progress
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import LogCursor, Transaction
from headway.wire.crashpoints import reach
from headway.wire.lines import Line, LineKind, Reading, read_lines

CHUNK_BYTES = 1 << 20

_MAX_STEP = 2**62
_MAX_NOTES = 20


def ingest(context: Context, run: Run) -> bool:
    """Store what the attempt has said since the last time, at most a chunk. False when there is nothing new.

    Raises StaleAttempt when the run has ended or moved to another attempt.
    """
    cursor = context.store.read(lambda tx: tx.log_cursor(run.id, run.attempt))
    return ingest_from(context, run, cursor) is not None


def ingest_from(context: Context, run: Run, cursor: LogCursor) -> LogCursor | None:
    """As `ingest`, from a cursor that the caller remembers; the new cursor, or None when there is nothing new."""
    chunk = _read_chunk(context.run_dir(run.id).attempt(run.attempt).events, cursor.offset_bytes)
    reading = read_lines(chunk)
    if not reading.consumed_bytes:
        if len(chunk) < CHUNK_BYTES:
            return None
        reading = Reading([], len(chunk), ["a line longer than a mebibyte"])
    now = context.clock.now()
    reach("ingest.read")
    while True:
        try:
            moved = context.commit(run.id, partial(_store, seen=run, cursor=cursor, reading=reading, now=now))
            reach("ingest.committed")
            return moved
        except _Unusable as broken:  # all of the chunk is undone: again, without that line
            reading = _without(reading, broken)


class _Unusable(Exception):
    """A line of the right shape whose content makes no sense."""

    def __init__(self, line: Line, error: Exception) -> None:
        self.line = line
        super().__init__(f"line {line.seq} ({line.kind.value}) cannot be used: {error!r}"[:300])


def _without(reading: Reading, broken: _Unusable) -> Reading:
    lines = [line for line in reading.lines if line is not broken.line]
    return Reading(lines, reading.consumed_bytes, [*reading.rejected, str(broken)])


def drain(context: Context, run: Run) -> None:
    """Store all that a dead attempt has said."""
    while ingest(context, run):
        pass


def _read_chunk(path: Path, offset_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset_bytes)
            return file.read(CHUNK_BYTES)
    except FileNotFoundError:
        return b""


def _store(tx: Transaction, seen: Run, cursor: LogCursor, reading: Reading, now: datetime) -> LogCursor:
    run = tx.get_run(seen.id)
    if run.attempt != seen.attempt or run.ended:
        raise StaleAttempt(f"attempt {seen.attempt} of {run.id} is over: its late lines are refused")
    stored = tx.log_cursor(run.id, run.attempt)
    if stored != cursor:
        return stored  # another reader was faster; go on from there
    before = run
    seq = cursor.seq
    for line in reading.lines:
        if line.seq <= seq:
            continue
        try:
            run = _INDEXERS[line.kind](tx, run, line)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise _Unusable(line, error) from error
        seq = line.seq
    for text in _notes_of(reading.rejected):
        run = advance(tx, run, EventKind.NOTE_LOGGED, at=now, data={"level": "warning", "text": text})
    if run is not before:
        tx.touch_run(run)
    moved = LogCursor(cursor.offset_bytes + reading.consumed_bytes, seq)
    tx.set_log_cursor(run.id, run.attempt, moved)
    return moved


def _notes_of(rejected: Sequence[str]) -> list[str]:
    """What was passed over of a chunk; of garbage without end the first few and how many there were."""
    notes = [f"passed over in the log: {text}" for text in rejected[:_MAX_NOTES]]
    more = len(rejected) - len(notes)
    return [*notes, f"passed over in the log: {more} more lines"] if more else notes


def _enter_phase(tx: Transaction, run: Run, line: Line) -> Run:
    target = State(line.data["state"])
    at = parse_utc(line.at)
    run = run.evolve(progress=replace(run.progress, phase=str(line.data["text"]), eta_s=None))
    if run.state is State.PREFLIGHT and target in (State.TRAINING, State.EVALUATING):
        started = run.started_at or at
        run = advance(
            tx,
            run,
            EventKind.TRAINING_STARTED,
            at=at,
            data=line.data,
            state=State.TRAINING,
            started_at=started,
        )
    if run.state is State.TRAINING and target is State.EVALUATING:
        run = advance(tx, run, EventKind.EVALUATION_STARTED, at=at, data=line.data, state=State.EVALUATING)
    return run


def _report_progress(tx: Transaction, run: Run, line: Line) -> Run:
    progress = Progress.from_json(line.data).after(run.progress)
    whole_percent = int(progress.fraction * 100) > int(run.progress.fraction * 100)
    run = run.evolve(progress=progress)
    if not whole_percent:
        return run
    return advance(tx, run, EventKind.PROGRESS_REPORTED, at=parse_utc(line.at), data=progress.to_json())


def _index_metrics(tx: Transaction, run: Run, line: Line) -> Run:
    at = parse_utc(line.at)
    points = [
        _to_point(name, step, value, at)
        for step, values in line.data["rows"]
        for name, value in values.items()
    ]
    tx.append_points(run.id, run.attempt, points)
    said: dict[str, list[float]] = {}
    for point in points:
        said.setdefault(point.name, []).append(point.value)
    newest = {name: values[-1] for name, values in said.items()}
    best = {name: _find_best(tx, run, name, values) for name, values in said.items() if better(name)}
    return run.evolve(latest={**run.latest, **newest}, best={**run.best, **best})


def _find_best(tx: Transaction, run: Run, name: str, values: list[float]) -> float:
    """With new values, which are stored. At the first of an attempt all are looked at: others are gone from then on."""
    pick = max if better(name) > 0 else min
    if name in run.latest and name in run.best:
        return pick(run.best[name], *values)
    buckets = tx.series(run.id, name, max_buckets=1)
    return pick(value for each in buckets for value in (each.min_value, each.max_value))


def _to_point(name: str, step: Any, value: Any, at: datetime) -> MetricPoint:
    """The point; ValueError for what no series can hold."""
    point = MetricPoint(name, int(step), float(value), at)
    if not isfinite(point.value) or abs(point.step) > _MAX_STEP:
        raise ValueError(f"{name} = {value} at step {step}")
    return point


def _keep_checkpoint(tx: Transaction, run: Run, line: Line) -> Run:
    at, checkpoint = parse_utc(line.at), Checkpoint.from_json(line.data)
    tx.add_checkpoint(run.id, checkpoint)
    return advance(tx, run, EventKind.CHECKPOINT_SAVED, at=at, data=line.data)


def _keep_artifact(tx: Transaction, run: Run, line: Line) -> Run:
    at, artifact = parse_utc(line.at), Artifact.from_json(line.data)
    tx.add_artifact(run.id, artifact)
    return advance(tx, run, EventKind.ARTIFACT_SAVED, at=at, data=line.data)


def _keep_note(tx: Transaction, run: Run, line: Line) -> Run:
    return advance(tx, run, EventKind.NOTE_LOGGED, at=parse_utc(line.at), data=line.data)


def _pass_over(_tx: Transaction, run: Run, _line: Line) -> Run:
    """`ended` is what the attempt says of itself; what holds is judged from the proof of its death."""
    return run


_INDEXERS: dict[LineKind, Callable[[Transaction, Run, Line], Run]] = {
    LineKind.PHASE: _enter_phase,
    LineKind.PROGRESS: _report_progress,
    LineKind.METRICS: _index_metrics,
    LineKind.CHECKPOINT: _keep_checkpoint,
    LineKind.ARTIFACT: _keep_artifact,
    LineKind.NOTE: _keep_note,
    LineKind.ENDED: _pass_over,
}
