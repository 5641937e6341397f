from __future__ import annotations

import pytest

from headway.control.cancel import cancel
from headway.control.dispatch import claim_next
from headway.control.finish import finish
from headway.domain.errors import AlreadyEnded, NotFound
from headway.domain.events import EventKind
from headway.domain.reasons import Reason
from headway.domain.states import State
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind
from tests.factories import moment, run_id
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import begin, events, get, kinds, leave_result, queue, say


def test_a_run_that_waits_is_cancelled_at_once(services: Services) -> None:
    run = queue(services)
    services.clock.advance(2)

    cancelled = cancel(services.context, run.id, by="someone", why="a mistake")

    assert cancelled == get(services, run.id)
    assert (cancelled.state, cancelled.reason) == (State.CANCELLED, Reason.CANCELLED_BY_USER)
    assert (cancelled.cancel_requested_at, cancelled.finished_at) == (moment(2), moment(2))
    assert kinds(services, run)[-2:] == [EventKind.CANCEL_REQUESTED, EventKind.RUN_ENDED]
    assert events(services, run)[-2].data == {"by": "someone", "why": "a mistake"}
    assert claim_next(services.context) is None
    assert services.executor.cancels == []


def test_a_run_that_is_under_way_is_asked_to_end_and_is_not_said_to_have_ended(services: Services) -> None:
    run = begin(services)
    services.clock.advance(2)

    asked = cancel(services.context, run.id, by="someone", why="too slow")

    assert asked.state is State.PREFLIGHT
    assert asked.cancel_requested_at is not None
    assert asked.cancel_requested_at == moment(2)
    ((attempt, request),) = services.executor.cancels
    assert attempt == (run.id, 1)
    assert (request.verb, request.by, request.why) == (Verb.CANCEL, "someone", "too slow")
    assert request.at == "2026-01-01T00:00:02.000000Z"
    assert EventKind.RUN_ENDED not in kinds(services, run)


def test_a_run_is_cancelled_once_its_death_is_proven(services: Services) -> None:
    run = begin(services)
    say(services, run, LineKind.PHASE, state="training", text="epoch")
    asked = cancel(services.context, run.id, by="someone")

    ended = finish(services.context, asked, make_exit(verb=Verb.CANCEL, code=3))

    assert (ended.state, ended.reason) == (State.CANCELLED, Reason.CANCELLED_BY_USER)
    assert ended.ended


def test_asking_twice_keeps_the_first_request(services: Services) -> None:
    run = begin(services)
    cancel(services.context, run.id, by="someone")
    services.clock.advance(9)

    again = cancel(services.context, run.id, by="someone else")

    assert again.cancel_requested_at == moment(0)
    assert kinds(services, run).count(EventKind.CANCEL_REQUESTED) == 1
    assert len(services.executor.cancels) == 2
    assert {request.at for _, request in services.executor.cancels} == {"2026-01-01T00:00:00.000000Z"}


@pytest.mark.parametrize("done", [True, False])
def test_a_run_that_has_ended_cannot_be_cancelled(services: Services, *, done: bool) -> None:
    run = begin(services)
    if done:
        leave_result(services, run)
    ended = finish(services.context, run, make_exit(code=0 if done else 1))

    with pytest.raises(AlreadyEnded, match=run.id) as caught:
        cancel(services.context, run.id, by="someone")

    assert caught.value.state == ("done" if done else "failed")
    assert get(services, run.id) == ended
    assert services.executor.cancels == []


def test_a_run_that_is_not_there_is_not_found(services: Services) -> None:
    with pytest.raises(NotFound):
        cancel(services.context, run_id(9), by="someone")


def test_a_run_that_waits_for_another_attempt_is_cancelled_at_once(services: Services) -> None:
    run = begin(services)
    finish(services.context, run, make_exit(by="executor"))
    assert cancel(services.context, run.id, by="someone").state is State.CANCELLED
    assert claim_next(services.context) is None
