"""Why a run ended. Each reason is mapped in full: end state, retried or not, text, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headway.domain.states import State


class Reason(StrEnum):
    """Why an attempt or a run ended."""

    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    CANCELLED_BY_USER = "cancelled_by_user"
    TIMED_OUT = "timed_out"
    OVER_BUDGET = "over_budget"
    PREFLIGHT_REJECTED = "preflight_rejected"
    DATA_UNAVAILABLE = "data_unavailable"
    TRAINER_ERROR = "trainer_error"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    SUPERVISOR_LOST = "supervisor_lost"
    HOST_UNREACHABLE = "host_unreachable"
    PROVIDER_ERROR = "provider_error"
    SERVER_SHUTDOWN = "server_shutdown"


@dataclass(frozen=True)
class ReasonRule:
    """What a reason means for the run and for the person who reads it."""

    end: State
    retried: bool
    text: str
    remedy: str


RULES: dict[Reason, ReasonRule] = {
    Reason.COMPLETED: ReasonRule(State.DONE, False, "The training ran to its end.", "Read the results."),
    Reason.STOPPED_EARLY: ReasonRule(
        State.DONE, False, "The engine stopped because nothing improved any more.", "Read the results."
    ),
    Reason.CANCELLED_BY_USER: ReasonRule(
        State.CANCELLED, False, "Someone cancelled the run.", "Resume it to go on from its last checkpoint."
    ),
    Reason.TIMED_OUT: ReasonRule(
        State.FAILED,
        False,
        "The run reached its hard limit of time.",
        "Resume it with a higher limit of hours; its last checkpoint is kept.",
    ),
    Reason.OVER_BUDGET: ReasonRule(
        State.FAILED,
        False,
        "The run reached its budget.",
        "Resume it with a higher limit of money; its last checkpoint is kept.",
    ),
    Reason.PREFLIGHT_REJECTED: ReasonRule(
        State.FAILED,
        False,
        "A check before the training failed.",
        "Read the error, mend what it names, resume.",
    ),
    Reason.DATA_UNAVAILABLE: ReasonRule(
        State.FAILED,
        False,
        "The data are missing or cannot be used.",
        "Check the file with `headway data check`, or fetch it with `headway data fetch`, then resume.",
    ),
    Reason.TRAINER_ERROR: ReasonRule(
        State.FAILED, False, "The training program raised an error.", "Read the console log, then resume."
    ),
    Reason.DIVERGED: ReasonRule(
        State.FAILED,
        False,
        "A loss became NaN or infinite.",
        "Lower the learning rate or check the data; the numbers after the divergence are worthless.",
    ),
    Reason.OUT_OF_MEMORY: ReasonRule(
        State.FAILED,
        False,
        "The training used more memory than it was allowed, or than the machine has.",
        "Raise HEADWAY_MEMORY_LIMIT_MB (and restart the server), or train a smaller model, then resume.",
    ),
    Reason.DISK_FULL: ReasonRule(
        State.FAILED, False, "The disk is full.", "Free some space in the data folder, then resume."
    ),
    Reason.SUPERVISOR_LOST: ReasonRule(
        State.FAILED,
        True,
        "The supervisor of the run died, as when the machine is switched off.",
        "It is tried again by itself, up to three attempts; after that, resume it.",
    ),
    Reason.HOST_UNREACHABLE: ReasonRule(
        State.FAILED, True, "The training host could not be reached.", "Check the host, then resume."
    ),
    Reason.PROVIDER_ERROR: ReasonRule(
        State.FAILED, False, "The provider reported an error.", "Read the provider's message, then resume."
    ),
    Reason.SERVER_SHUTDOWN: ReasonRule(
        State.FAILED,
        True,
        "The machine asked the training to stop, as at a shutdown.",
        "It goes on by itself when the server is back.",
    ),
}


def rule_of(reason: Reason) -> ReasonRule:
    """The rule of a reason; the table is total (a test holds it)."""
    return RULES[reason]
