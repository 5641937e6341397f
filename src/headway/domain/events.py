"""Facts that are kept about a run: past tense, frozen, numbered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headway.domain.json import JsonObject
from headway.domain.states import State


class EventKind(StrEnum):
    """What happened. Each kind is a heading of docs/events.md."""

    RUN_QUEUED = "run_queued"  # accepted; data: engine, origin
    RUN_CLAIMED = "run_claimed"  # queued -> preflight; data: attempt, executor
    TRAINING_STARTED = "training_started"  # preflight -> training
    EVALUATION_STARTED = "evaluation_started"  # training -> evaluating
    PROGRESS_REPORTED = "progress_reported"  # at most one a percent; data: progress
    CHECKPOINT_SAVED = "checkpoint_saved"  # data: path, step, size_bytes, sha256, epoch, val_loss, val_score
    ARTIFACT_SAVED = "artifact_saved"  # data: path, kind, size_bytes, sha256
    NOTE_LOGGED = "note_logged"  # data: level, text
    CANCEL_REQUESTED = "cancel_requested"  # data: by, why
    CONTACT_LOST = "contact_lost"  # data: since
    CONTACT_REGAINED = "contact_regained"
    ATTEMPT_ENDED = "attempt_ended"  # active -> queued; data: attempt, reason, error, attempt_runtime_s
    RUN_RESUMED = "run_resumed"  # failed or cancelled -> queued; data: checkpoint, from_state
    RUN_RELABELLED = (
        "run_relabelled"  # a person changed what a run is called; data: name, tags, notes (what was changed)
    )
    RUN_ENDED = (
        "run_ended"  # -> done, failed, cancelled; data: state, reason, error, attempt_runtime_s, runtime_s
    )
    DATA_REMOVED = (
        "data_removed"  # of a run that has ended; data: a `Removal` for each of logs, metrics, checkpoints
    )


@dataclass(frozen=True)
class Event:
    """A kept fact. `seq` counts 1, 2, 3 … within the run; `position` orders all events of the store."""

    run_id: str
    seq: int
    position: int
    attempt: int
    at: datetime
    kind: EventKind
    data: JsonObject


_STATE_AFTER = {
    EventKind.RUN_QUEUED: State.QUEUED,
    EventKind.RUN_RESUMED: State.QUEUED,
    EventKind.ATTEMPT_ENDED: State.QUEUED,
    EventKind.RUN_CLAIMED: State.PREFLIGHT,
    EventKind.TRAINING_STARTED: State.TRAINING,
    EventKind.EVALUATION_STARTED: State.EVALUATING,
}


def state_after(kind: EventKind, data: JsonObject) -> State | None:
    """The state that a run enters with an event; None for a fact that changes none."""
    return State(str(data["state"])) if kind is EventKind.RUN_ENDED else _STATE_AFTER.get(kind)
