from __future__ import annotations

import pytest

from headway.domain.events import EventKind
from headway.domain.fold import TELLING, Fact, Standing, fold
from headway.domain.states import State

_QUEUED: Fact = (EventKind.RUN_QUEUED, 0, {})
_CLAIMED: Fact = (EventKind.RUN_CLAIMED, 1, {})
_STARTED: Fact = (EventKind.TRAINING_STARTED, 1, {})
_FAILED: Fact = (EventKind.RUN_ENDED, 1, {"state": "failed", "reason": "diverged"})


def test_no_events_add_up_to_no_state() -> None:
    assert fold([]) == Standing()


def test_a_run_stands_where_its_last_event_has_put_it() -> None:
    assert fold([_QUEUED, _CLAIMED, _STARTED]) == Standing(State.TRAINING, 1)
    assert fold([_QUEUED, _CLAIMED, _STARTED, _FAILED]) == Standing(State.FAILED, 1, "diverged")


def test_a_resume_forgets_the_end_and_the_cancel() -> None:
    asked: Fact = (EventKind.CANCEL_REQUESTED, 1, {})
    ended: Fact = (EventKind.RUN_ENDED, 1, {"state": "cancelled", "reason": "cancelled_by_user"})
    resumed: Fact = (EventKind.RUN_RESUMED, 1, {})

    assert fold([_QUEUED, _CLAIMED, asked]).cancel_requested
    assert fold([_QUEUED, _CLAIMED, asked, ended, resumed]) == Standing(State.QUEUED, 1)


def test_contact_is_lost_until_it_is_regained_or_the_attempt_ends() -> None:
    lost: Fact = (EventKind.CONTACT_LOST, 1, {})
    assert fold([_QUEUED, _CLAIMED, lost]).contact_lost
    for kind in (EventKind.CONTACT_REGAINED, EventKind.ATTEMPT_ENDED):
        assert not fold([_QUEUED, _CLAIMED, lost, (kind, 1, {})]).contact_lost


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ([_CLAIMED], "from the beginning to preflight"),
        ([_QUEUED, _STARTED], "from queued to training"),
        ([_QUEUED, _CLAIMED, _FAILED, _CLAIMED], "from failed to preflight (it had ended)"),
    ],
)
def test_the_first_move_that_no_run_makes_is_told(facts: list[Fact], told: str) -> None:
    assert fold(facts).broken == told


@pytest.mark.parametrize("kind", sorted(set(EventKind) - TELLING))
def test_a_fact_that_is_not_read_changes_nothing_but_the_attempt(kind: EventKind) -> None:
    assert fold([_QUEUED, (kind, 0, {})]) == fold([_QUEUED])
