"""States of a run and the table of moves between them."""

from __future__ import annotations

from enum import StrEnum

from headway.domain.errors import IllegalTransition


class State(StrEnum):
    """Where a run is."""

    QUEUED = "queued"  # accepted, waiting for a slot
    PREFLIGHT = "preflight"  # claimed: an attempt is starting and checks what it needs
    TRAINING = "training"  # the engine learns
    EVALUATING = "evaluating"  # the engine measures and saves
    DONE = "done"  # ended with a whole result
    FAILED = "failed"  # ended without; the reason says why
    CANCELLED = "cancelled"  # someone asked, and the process tree is known to be dead


TERMINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})
ACTIVE = frozenset({State.PREFLIGHT, State.TRAINING, State.EVALUATING})
RESUMABLE = frozenset({State.FAILED, State.CANCELLED})

_ENDS = {State.FAILED, State.CANCELLED}

# An active run moves back to `queued` when its attempt was lost and another may be made.
# A failed or cancelled run moves back to `queued` only when a person resumes it.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PREFLIGHT} | _ENDS),
    State.PREFLIGHT: frozenset({State.TRAINING, State.DONE, State.QUEUED} | _ENDS),
    State.TRAINING: frozenset({State.EVALUATING, State.DONE, State.QUEUED} | _ENDS),
    State.EVALUATING: frozenset({State.DONE, State.QUEUED} | _ENDS),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}


def require_transition(old: State, new: State) -> None:
    """Raises IllegalTransition unless the table allows the move."""
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(f"a run that is {old} cannot become {new}")


def is_terminal(state: State) -> bool:
    """Whether the run has ended."""
    return state in TERMINAL
