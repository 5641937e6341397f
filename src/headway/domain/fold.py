"""What the events of a run add up to: how it must stand if they are all that ever happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headway.domain.events import EventKind, state_after
from headway.domain.json import JsonObject
from headway.domain.states import TRANSITIONS, State, is_terminal

Fact = tuple[EventKind, int, JsonObject]  # kind, attempt, data

# All that a standing depends on: the others need not be read to fold.
TELLING = frozenset(
    {
        EventKind.RUN_QUEUED,
        EventKind.RUN_CLAIMED,
        EventKind.TRAINING_STARTED,
        EventKind.EVALUATION_STARTED,
        EventKind.CANCEL_REQUESTED,
        EventKind.CONTACT_LOST,
        EventKind.CONTACT_REGAINED,
        EventKind.ATTEMPT_ENDED,
        EventKind.RUN_RESUMED,
        EventKind.RUN_ENDED,
    }
)


@dataclass(frozen=True)
class Standing:
    """How a run stands after some of its events."""

    state: State | None = None  # None before the first event
    attempt: int = 0
    reason: str | None = None
    cancel_requested: bool = False
    contact_lost: bool = False
    broken: str | None = None  # the first move that the table of transitions does not allow


def fold(facts: Iterable[Fact]) -> Standing:
    """The standing after all facts, in the order of their seq."""
    standing = Standing()
    for fact in facts:
        standing = _after(standing, fact)
    return standing


def _after(before: Standing, fact: Fact) -> Standing:
    kind, attempt, data = fact
    after = replace(before, attempt=attempt)
    state = state_after(kind, data)
    if state is not None:
        after = _enter(after, state)
    if kind is EventKind.RUN_ENDED:
        return replace(after, reason=str(data["reason"]), contact_lost=False)
    if kind is EventKind.RUN_RESUMED:
        return replace(after, reason=None, cancel_requested=False)
    if kind is EventKind.CANCEL_REQUESTED:
        return replace(after, cancel_requested=True)
    if kind in (EventKind.CONTACT_LOST, EventKind.CONTACT_REGAINED, EventKind.ATTEMPT_ENDED):
        return replace(after, contact_lost=kind is EventKind.CONTACT_LOST)
    return after


def _enter(standing: Standing, state: State) -> Standing:
    before = standing.state
    allowed = {State.QUEUED} if before is None else TRANSITIONS[before]
    if state in allowed or standing.broken is not None:
        return replace(standing, state=state)
    came = "the beginning" if before is None else before.value
    again = " (it had ended)" if before is not None and is_terminal(before) else ""
    return replace(standing, state=state, broken=f"from {came} to {state.value}{again}")
