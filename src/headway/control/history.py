"""What a run has been through: its turning points, its notes, its checkpoints and how good the model was at each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from headway.control.context import Context
from headway.domain.artifacts import Checkpoint
from headway.domain.events import Event, EventKind
from headway.ports import Transaction
from headway.wire.rundir import RunDir, list_checkpoints

_VAL_LOSS = "val/loss"
_MOST_LOSSES = 20_000
_PRUNED_SHOWN = 200  # a run that saves one every half minute has thousands
_BATCH = 1000
MAX_NOTES = 50
_PASSED_OVER = {EventKind.PROGRESS_REPORTED, EventKind.ARTIFACT_SAVED}


@dataclass(frozen=True)
class History:
    """`checkpoints` are all that are there and the newest of those that are gone, whose paths are `pruned`: the engine
    keeps its best and the last. `left_out` counts the others. `val_losses` are measured at their very steps. `notes` are
    the newest of what the training has noted.
    """

    events: list[Event]
    checkpoints: list[Checkpoint]
    val_losses: dict[int, float]
    pruned: frozenset[str] = frozenset()
    left_out: int = 0
    notes: tuple[Event, ...] = ()

    def saved_at(self) -> dict[str, datetime]:
        """When each checkpoint was saved, by its path; the last time for one that was saved again."""
        saved = (event for event in self.events if event.kind is EventKind.CHECKPOINT_SAVED)
        return {str(event.data.get("path")): event.at for event in saved}


def read_history(context: Context, run_id: str) -> History:
    return context.store.read(lambda tx: _read(tx, run_id, context.run_dir(run_id)))


def _read(tx: Transaction, run_id: str, run: RunDir) -> History:
    saved = tx.checkpoints(run_id)
    there = {run.relative(folder) for folder in list_checkpoints(run)}
    gone = [kept.path for kept in saved if kept.path not in there]
    pruned = frozenset(gone[:_PRUNED_SHOWN])
    shown = [kept for kept in saved if kept.path in there or kept.path in pruned]
    losses = _read_losses(tx, run_id, [kept.step for kept in shown])
    points, notes = _read_events(tx, run_id)
    return History(points, shown, losses, pruned, len(saved) - len(shown), notes)


def _read_losses(tx: Transaction, run_id: str, steps: list[int]) -> dict[int, float]:
    """Losses at single steps, in one query. A bucket of several steps says nothing of any of them."""
    if not steps:
        return {}
    window = {"first_step": min(steps), "last_step": max(steps)}
    found = tx.series(run_id, _VAL_LOSS, **window, max_buckets=_MOST_LOSSES)
    return {each.first_step: each.max_value for each in found if each.first_step == each.last_step}


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
