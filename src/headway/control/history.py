"""What became of a run so far: its turning points, its checkpoints, and how good the model was at each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headway.control.context import Context
from headway.domain.artifacts import Checkpoint
from headway.domain.events import Event, EventKind
from headway.ports import Transaction

_BATCH = 1000
_PASSED_OVER = {EventKind.PROGRESS_REPORTED, EventKind.NOTE_LOGGED, EventKind.ARTIFACT_SAVED}


@dataclass(frozen=True)
class History:
    """`pruned` are the paths of checkpoints that are gone: the engine keeps its best and the last."""

    events: list[Event]
    checkpoints: list[Checkpoint]
    pruned: frozenset[str] = frozenset()


def read_history(context: Context, run_id: str) -> History:
    history = context.store.read(lambda tx: _read(tx, run_id))
    folder = context.run_dir(run_id).path
    gone = (kept.path for kept in history.checkpoints if not (folder / kept.path).is_dir())
    return replace(history, pruned=frozenset(gone))


def _read(tx: Transaction, run_id: str) -> History:
    return History(_turning_points(tx, run_id), tx.checkpoints(run_id))


def _turning_points(tx: Transaction, run_id: str) -> list[Event]:
    found: list[Event] = []
    after = 0
    while batch := tx.events_of(run_id, after, _BATCH):
        found += [event for event in batch if event.kind not in _PASSED_OVER]
        after = batch[-1].seq
    return found
