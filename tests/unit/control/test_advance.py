from __future__ import annotations

import pytest

from headway.control.advance import advance
from headway.domain.errors import IllegalTransition, StaleAttempt
from headway.domain.events import EventKind
from headway.domain.states import State
from tests.factories import moment
from tests.fakes.services import Services
from tests.unit.control.acts import begin, events, get, queue


def test_a_change_and_its_event_are_kept_together(services: Services) -> None:
    run = begin(services)

    moved = services.context.store.write(
        lambda tx: advance(
            tx, run, EventKind.TRAINING_STARTED, at=moment(4), data={"text": "é"}, state=State.TRAINING
        )
    )

    assert moved == get(services, run.id) == run.evolve(state=State.TRAINING, event_seq=run.event_seq + 1)
    event = events(services, run)[-1]
    assert (event.seq, event.at, event.kind, event.attempt) == (
        moved.event_seq,
        moment(4),
        EventKind.TRAINING_STARTED,
        1,
    )


def test_a_move_that_the_table_does_not_hold_changes_nothing(services: Services) -> None:
    run = queue(services)
    with pytest.raises(IllegalTransition, match="queued cannot become done"):
        services.context.store.write(
            lambda tx: advance(tx, run, EventKind.RUN_ENDED, at=moment(1), state=State.DONE)
        )
    assert get(services, run.id) == run
    assert len(events(services, run)) == 1


def test_a_fact_without_a_move_is_kept_in_any_state(services: Services) -> None:
    run = queue(services)
    services.context.store.write(lambda tx: advance(tx, run, EventKind.NOTE_LOGGED, at=moment(1)))
    assert get(services, run.id) == run.evolve(event_seq=2)


def test_of_two_who_saw_the_same_run_only_the_first_moves_it(services: Services) -> None:
    run = queue(services)
    services.context.store.write(lambda tx: advance(tx, run, EventKind.NOTE_LOGGED, at=moment(1)))

    with pytest.raises(StaleAttempt):
        services.context.store.write(
            lambda tx: advance(tx, run, EventKind.CANCEL_REQUESTED, at=moment(2), state=State.CANCELLED)
        )
    assert get(services, run.id).state is State.QUEUED
    assert len(events(services, run)) == 2
