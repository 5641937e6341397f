"""What became of a run so far: its turning points, its checkpoints, and how good the model was at each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headway.control.context import Context
from headway.domain.artifacts import Checkpoint
from headway.domain.events import Event, EventKind
from headway.ports import Transaction

_VAL_LOSS = "val/loss"
_BATCH = 1000
MAX_NOTES = 50
_PASSED_OVER = {EventKind.PROGRESS_REPORTED, EventKind.ARTIFACT_SAVED}


@dataclass(frozen=True)
class History:
    """`val_losses` are measured at the very steps of the checkpoints; `pruned` are the paths of those that are gone:
    the engine keeps its best and the last. `notes` are the newest of what the training has noted."""

    events: list[Event]
    checkpoints: list[Checkpoint]
    val_losses: dict[int, float]
    pruned: frozenset[str] = frozenset()
    notes: tuple[Event, ...] = ()


def read_history(context: Context, run_id: str) -> History:
    history = context.store.read(lambda tx: _read(tx, run_id))
    folder = context.run_dir(run_id).path
    gone = (kept.path for kept in history.checkpoints if not (folder / kept.path).is_dir())
    return replace(history, pruned=frozenset(gone))


def _read(tx: Transaction, run_id: str) -> History:
    checkpoints = tx.checkpoints(run_id)
    losses: dict[int, float] = {}
    for kept in checkpoints:
        for bucket in tx.series(run_id, _VAL_LOSS, first_step=kept.step, last_step=kept.step):
            losses[kept.step] = bucket.max_value
    points: list[Event] = []
    notes: deque[Event] = deque(maxlen=MAX_NOTES)
    for event in _all_events(tx, run_id):
        if event.kind is EventKind.NOTE_LOGGED:
            notes.append(event)
        elif event.kind not in _PASSED_OVER:
            points.append(event)
    return History(points, checkpoints, losses, notes=tuple(notes))


def _all_events(tx: Transaction, run_id: str) -> Iterator[Event]:
    after = 0
    while batch := tx.events_of(run_id, after, _BATCH):
        yield from batch
        after = batch[-1].seq
