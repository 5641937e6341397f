from __future__ import annotations

import pytest

from headway.control import follow
from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.control.follow import OutboxReader, read_news
from headway.domain.errors import NotFound
from headway.domain.events import Event, EventKind
from headway.wire.lines import LineKind
from tests.factories import run_id
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import begin, events, get, leave_result, queue, say

# one run


def test_news_are_the_events_after_a_cursor_and_the_run_as_it_stands(services: Services) -> None:
    run = begin(services)

    news = read_news(services.context, run.id, 0)
    assert [event.seq for event in news.events] == [1, 2]
    assert (news.run, news.final) == (get(services, run.id), False)

    assert read_news(services.context, run.id, 2).events == []


def test_the_last_word_is_said_when_the_run_has_ended_and_all_is_told(services: Services) -> None:
    run = begin(services)
    leave_result(services, run)
    finish(services.context, run, make_exit())

    news = read_news(services.context, run.id, 0)
    assert news.final
    assert news.events[-1].kind is EventKind.RUN_ENDED
    assert read_news(services.context, run.id, news.events[-1].seq).final


def test_many_events_are_told_in_batches_and_only_the_last_is_final(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "BATCH", 4)
    run = begin(services)
    for number in range(7):
        say(services, run, LineKind.NOTE, level="info", text=str(number))
    finish(services.context, run, make_exit(code=1))

    seen: list[Event] = []
    finals: list[bool] = []
    while not (finals and finals[-1]):
        news = read_news(services.context, run.id, seen[-1].seq if seen else 0)
        seen += news.events
        finals.append(news.final)

    assert seen == events(services, run)
    assert finals == [False, False, True]


def test_a_run_that_is_not_there_has_no_news(services: Services) -> None:
    with pytest.raises(NotFound):
        read_news(services.context, run_id(9), 0)


# the outbox


def test_every_event_of_every_run_is_handed_over_once_and_in_order(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "BATCH", 2)
    begin(services)
    cancel(services.context, queue(services).id, by="someone")
    handed: list[Event] = []
    reader = OutboxReader(services.context, "billing", handed.extend)

    sizes = []
    while size := reader.step():
        sizes.append(size)

    assert sizes == [2, 2, 1]
    assert [event.position for event in handed] == [1, 2, 3, 4, 5]
    assert reader.step() == 0


def test_a_subscriber_goes_on_after_a_restart_where_it_was(services: Services) -> None:
    begin(services)
    handed: list[Event] = []
    OutboxReader(services.context, "billing", handed.extend).step()
    queue(services)

    OutboxReader(services.context, "billing", handed.extend).step()

    assert [event.position for event in handed] == [1, 2, 3]


def test_events_come_again_when_a_subscriber_dies_over_them(services: Services) -> None:
    begin(services)
    handed: list[int] = []

    def die(given: list[Event]) -> None:
        handed.extend(event.position for event in given)
        raise ConnectionError("the receiver broke off")

    with pytest.raises(ConnectionError):
        OutboxReader(services.context, "billing", die).step()
    OutboxReader(services.context, "billing", lambda given: handed.extend(e.position for e in given)).step()

    assert handed == [1, 2, 1, 2]


def test_subscribers_do_not_move_one_another(services: Services) -> None:
    begin(services)
    one: list[Event] = []
    other: list[Event] = []
    OutboxReader(services.context, "one", one.extend).step()
    OutboxReader(services.context, "other", other.extend).step()
    assert one == other != []


def test_a_new_subscriber_may_begin_with_what_comes(services: Services) -> None:
    begin(services)
    handed: list[Event] = []
    reader = OutboxReader(services.context, "billing", handed.extend)
    reader.start_from_now()
    later = queue(services)

    reader.step()

    assert [event.run_id for event in handed] == [later.id]
