"""What a run has been through: its turning points, its notes, its checkpoints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from headway.control.context import Context
from headway.domain.artifacts import Checkpoint
from headway.domain.events import Event, EventKind
from headway.ports import Transaction
from headway.wire.rundir import RunDir, list_checkpoints

MAX_NOTES = 50
_PRUNED_SHOWN = 200  # a run that saves one every half minute has thousands
_BATCH = 1000
_PASSED_OVER = {EventKind.PROGRESS_REPORTED, EventKind.ARTIFACT_SAVED}


@dataclass(frozen=True)
class History:
    """`checkpoints` are all that are there and the newest of those that are gone, whose paths are `pruned`: the engine
    keeps its best and the last. `left_out` counts the others. `notes` are the newest of what the training has noted.
    """

    events: list[Event]
    checkpoints: list[Checkpoint]
    pruned: frozenset[str] = frozenset()
    left_out: int = 0
    notes: tuple[Event, ...] = ()

    def saves(self) -> dict[str, Event]:
        """The event that tells of each checkpoint, by its path; the last one of what was saved again."""
        saved = (event for event in self.events if event.kind is EventKind.CHECKPOINT_SAVED)
        return {str(event.data.get("path")): event for event in saved}


def read_history(context: Context, run_id: str) -> History:
    return context.store.read(lambda tx: _read(tx, run_id, context.run_dir(run_id)))


def _read(tx: Transaction, run_id: str, run: RunDir) -> History:
    saved = tx.checkpoints(run_id)
    there = {run.relative(folder) for folder in list_checkpoints(run)}
    gone = [kept.path for kept in saved if kept.path not in there]
    pruned = frozenset(gone[:_PRUNED_SHOWN])
    shown = [kept for kept in saved if kept.path in there or kept.path in pruned]
    points, notes = _read_events(tx, run_id)
    return History(points, shown, pruned, len(saved) - len(shown), notes)


def _read_events(tx: Transaction, run_id: str) -> tuple[list[Event], tuple[Event, ...]]:
    """Turning points, and the newest notes."""
    points: list[Event] = []
    notes: deque[Event] = deque(maxlen=MAX_NOTES)
    for event in _all_events(tx, run_id):
        if event.kind is EventKind.NOTE_LOGGED:
            notes.append(event)
        elif event.kind not in _PASSED_OVER:
            points.append(event)
    return points, tuple(notes)


def _all_events(tx: Transaction, run_id: str) -> Iterator[Event]:
    after = 0
    while batch := tx.events_of(run_id, after, _BATCH):
        yield from batch
        after = batch[-1].seq
