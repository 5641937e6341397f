from __future__ import annotations

from itertools import product

import pytest

from headway.domain.errors import IllegalTransition
from headway.domain.states import (
    ACTIVE,
    RESUMABLE,
    TERMINAL,
    TRANSITIONS,
    State,
    is_terminal,
    require_transition,
)

_EVERY_MOVE = list(product(State, State))


def test_every_state_has_a_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_a_state_is_waiting_or_active_or_ended_and_never_two_of_them() -> None:
    assert {State.QUEUED} | ACTIVE | TERMINAL == set(State)
    assert not ACTIVE & TERMINAL
    assert State.QUEUED not in ACTIVE | TERMINAL
    assert RESUMABLE < TERMINAL


@pytest.mark.parametrize(("old", "new"), _EVERY_MOVE)
def test_a_move_is_allowed_exactly_when_the_table_holds_it(old: State, new: State) -> None:
    if new in TRANSITIONS[old]:
        require_transition(old, new)
    else:
        with pytest.raises(IllegalTransition, match=f"{old} cannot become {new}"):
            require_transition(old, new)


@pytest.mark.parametrize("state", State)
def test_no_state_moves_to_itself(state: State) -> None:
    assert state not in TRANSITIONS[state]


def test_a_run_that_is_done_stays_done() -> None:
    assert TRANSITIONS[State.DONE] == frozenset()


def test_an_ended_run_can_only_go_back_into_the_queue() -> None:
    for state in RESUMABLE:
        assert TRANSITIONS[state] == {State.QUEUED}


def test_every_state_that_has_not_ended_can_fail_or_be_cancelled() -> None:
    for state in set(State) - TERMINAL:
        assert {State.FAILED, State.CANCELLED} <= TRANSITIONS[state]


def test_every_state_is_reached_from_the_queue_and_leads_to_an_end() -> None:
    reached, edge = {State.QUEUED}, {State.QUEUED}
    while edge := {new for old in edge for new in TRANSITIONS[old]} - reached:
        reached |= edge
    assert reached == set(State)
    assert all(TRANSITIONS[state] & TERMINAL for state in set(State) - TERMINAL)


def test_work_goes_forward_only() -> None:
    order = [State.PREFLIGHT, State.TRAINING, State.EVALUATING]
    for old, new in product(order, order):
        if order.index(new) <= order.index(old):
            assert new not in TRANSITIONS[old]


@pytest.mark.parametrize("state", State)
def test_a_run_has_ended_exactly_in_the_terminal_states(state: State) -> None:
    assert is_terminal(state) is (state in {State.DONE, State.FAILED, State.CANCELLED})
