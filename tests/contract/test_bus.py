"""What every bus promises: who follows is woken, here and in the other servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url

from headway.domain.errors import StoreUnavailable
from headway.ports import EventBus
from headway.store.opening import is_shared, open_bus
from tests.fakes.postgres import PostgresServer
from tests.waiting import PATIENCE_S, eventually


@dataclass(frozen=True)
class Pair:
    """Who publishes and who follows: one bus, or those of two servers."""

    publisher: EventBus
    follower: EventBus


@pytest.fixture(params=["local", "postgres", "between servers"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    url = "memory:"
    if request.param != "local":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.make_database()
    with ExitStack() as stack:
        publisher = stack.enter_context(closing(open_bus(url)))
        apart = request.param == "between servers"
        yield Pair(publisher, stack.enter_context(closing(open_bus(url))) if apart else publisher)


def test_a_follower_is_woken_by_its_topic_and_by_no_other(pair: Pair) -> None:
    mine, others = pair.follower.subscribe("a"), pair.follower.subscribe("b")

    pair.publisher.publish(["a"])

    assert mine.wait(PATIENCE_S)
    assert not others.wait(0)


def test_who_follows_everything_is_always_woken(pair: Pair) -> None:
    follower = pair.follower.subscribe("*")
    for topics in (["a"], ["a", "b"]):
        pair.publisher.publish(topics)
        assert follower.wait(PATIENCE_S)


def test_more_topics_than_a_message_holds_are_all_woken(pair: Pair) -> None:
    topics = [f"tr_{number:029}" for number in range(1000)]
    followers = [pair.follower.subscribe(topic) for topic in topics]

    pair.publisher.publish(topics)

    assert all(follower.wait(PATIENCE_S) for follower in followers)


def test_a_follower_that_closed_is_not_woken(pair: Pair) -> None:
    closed, open_still = pair.follower.subscribe("a"), pair.follower.subscribe("a")
    closed.close()
    closed.close()

    pair.publisher.publish(["a"])

    assert open_still.wait(PATIENCE_S)
    assert not closed.wait(0)


def test_a_follower_may_be_called(pair: Pair) -> None:
    calls: list[str] = []
    pair.follower.subscribe("a", lambda: calls.append("rung"))
    follower = pair.follower.subscribe("*")

    pair.publisher.publish(["a"])

    follower.wait(PATIENCE_S)
    eventually(lambda: calls, what="the call")


def test_a_follower_that_cannot_be_woken_does_not_deafen_the_others(pair: Pair) -> None:
    def fail() -> None:
        raise RuntimeError("the event loop is closed")

    followers = [pair.follower.subscribe("a", notify) for notify in (None, fail, None, fail, None)]

    pair.publisher.publish(["a"])

    assert all(follower.wait(PATIENCE_S) for follower in followers)


def test_a_bus_that_lost_its_database_wakes_everybody_and_hears_again(postgres: PostgresServer) -> None:
    url = postgres.make_database()
    with closing(open_bus(url)) as publisher, closing(open_bus(url)) as bus:
        follower = bus.subscribe("a")

        assert postgres.cut_off(url) >= 2
        assert follower.wait(PATIENCE_S)  # what was said meanwhile was not heard

        publisher.publish(["a"])
        assert follower.wait(PATIENCE_S)


@pytest.mark.parametrize("said", ["x", "", "5", "[]", '{"a": 1}', "[1, {}]", "[" * 7000])
def test_what_others_say_on_the_channel_does_not_deafen_the_bus(postgres: PostgresServer, said: str) -> None:
    url = postgres.make_database()
    with closing(open_bus(url)) as publisher, closing(open_bus(url)) as bus:
        follower = bus.subscribe("a")
        with postgres.connect(make_url(url).database or "") as connection:
            connection.execute("SELECT pg_notify('headway', %s)", (said,))

        publisher.publish(["a"])

        assert follower.wait(PATIENCE_S)


def test_a_bus_closes_twice(pair: Pair) -> None:
    pair.publisher.close()
    pair.publisher.close()


def test_a_bus_of_a_database_that_does_not_answer_is_an_error(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        open_bus(postgres.url("no_such_database"))


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("memory:", False),
        ("sqlite:///x.db", False),
        ("postgresql://h/x", True),
        ("postgresql+psycopg://h/x", True),
    ],
)
def test_only_postgres_serves_several_servers(url: str, *, shared: bool) -> None:
    assert is_shared(url) is shared
