from __future__ import annotations

import pytest

from headway.client.answers import News
from headway.client.errors import ApiError, WatchTimeout
from headway.client.follow import Follower
from headway.client.jobs import JobsClient
from headway.client.patience import ContactChange
from tests.unit.client.moved import MovedTime
from tests.unit.client.server import JOB, FakeServer, Reply, Stream, end, job, kept, progress

EVENTS = f"/jobs/{JOB}/events"
STATUS = f"/jobs/{JOB}/status"


def seqs(told: list[News]) -> list[int]:
    return [news.seq for news in told if news.seq is not None]


def test_a_dropped_stream_goes_on_after_the_last_event_and_doubles_nothing(
    server: FakeServer, client: JobsClient
) -> None:
    server.answer(job())
    server.on(
        "GET",
        EVENTS,
        Stream((kept(1), kept(2), progress(0.2)), torn=True),
        Reply(dropped=True),
        Reply(503),
        Stream((kept(2), kept(3), ": keep-alive\n\n", kept(4))),
        Stream((kept(5, "run_ended"), end("failed", "diverged"))),
    )
    told = list(Follower(client, JOB).follow())
    assert seqs(told) == [1, 2, 3, 4, 5]
    assert told[-1] == News("end", {"state": "failed", "reason": "diverged"})
    asked = server.asked("GET", EVENTS)
    assert [one.query["after"] for one in asked] == ["0", "2", "2", "2", "4"]
    assert [one.headers["last-event-id"] for one in asked] == ["0", "2", "2", "2", "4"]


def test_a_lost_server_is_told_once_and_regained_once(server: FakeServer, client: JobsClient) -> None:
    server.on("GET", EVENTS, Stream((kept(1),)), Reply(dropped=True), Reply(502), Stream((kept(2), end())))
    server.on("GET", STATUS, Reply(dropped=True), Reply(503), Reply(500))
    changes: list[ContactChange] = []
    told = list(Follower(client, JOB, on_contact=changes.append).follow())
    assert seqs(told) == [1, 2]
    assert [change.lost for change in changes] == [True, False]
    assert server.url in changes[0].why


def test_a_stream_that_breaks_while_the_server_answers_is_no_lost_contact(
    server: FakeServer, client: JobsClient
) -> None:
    server.answer(job(progress=0.5))
    server.on("GET", EVENTS, Stream((kept(1),), torn=True), Stream((kept(2), end())))
    changes: list[ContactChange] = []
    told = list(Follower(client, JOB, on_contact=changes.append).follow())
    assert seqs(told) == [1, 2]
    assert [news.data["fraction"] for news in told if news.kind == "progress"] == [0.5]
    assert changes == []


@pytest.mark.parametrize("reply", [Reply(404), Reply(501), Reply(200, {"not": "a stream"})])
def test_without_streams_the_status_is_asked_until_the_end(
    server: FakeServer, client: JobsClient, reply: Reply
) -> None:
    server.on("GET", EVENTS, reply)
    server.answer(job(progress=0.2), job(progress=0.6), job("cancelled", reason="cancelled_by_user"))
    told = list(Follower(client, JOB).follow())
    assert [news.kind for news in told] == ["progress", "progress", "progress", "end"]
    assert told[-1].data == {"state": "cancelled", "reason": "cancelled_by_user"}
    assert len(server.asked("GET", EVENTS)) == 1


def test_an_end_seen_in_the_status_waits_for_the_events_before_it(
    server: FakeServer, client: JobsClient
) -> None:
    server.answer(job("done"))
    server.on("GET", EVENTS, Stream((kept(1),)), Stream((kept(2, "run_ended"), end())))
    assert seqs(list(Follower(client, JOB).follow())) == [1, 2]


def test_an_end_seen_in_the_status_is_taken_when_no_stream_works(
    server: FakeServer, client: JobsClient
) -> None:
    server.answer(job("done", reason="completed"))
    server.on("GET", EVENTS, Reply(dropped=True))
    told = list(Follower(client, JOB).follow())
    assert told[-1] == News("end", {"state": "done", "reason": "completed"})
    assert len(server.asked("GET", EVENTS)) == 3


def test_the_deadline_ends_the_watch_of_a_server_that_is_gone(
    server: FakeServer, client: JobsClient, time: MovedTime
) -> None:
    server.on("GET", EVENTS, Reply(dropped=True))
    server.on("GET", STATUS, Reply(dropped=True))
    begun_s = time.now_s
    with pytest.raises(WatchTimeout, match=JOB):
        list(Follower(client, JOB, deadline_s=60.0).follow())
    assert time.now_s == begun_s + 60.0


def test_the_deadline_ends_the_watch_of_a_job_that_goes_on(
    server: FakeServer, client: JobsClient, time: MovedTime
) -> None:
    server.on("GET", EVENTS, Stream((kept(1), ": keep-alive\n\n", kept(2)), held=True))
    follower = Follower(client, JOB, deadline_s=60.0).follow()
    assert next(follower).seq == 1
    time.wait(61.0)
    with pytest.raises(WatchTimeout):
        next(follower)


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (404, "not_found")])
def test_what_no_retry_mends_ends_the_watch(
    server: FakeServer, client: JobsClient, status: int, code: str
) -> None:
    refusal = Reply(status, {"error": code, "message": "no"})
    server.on("GET", EVENTS, refusal)
    server.on("GET", STATUS, refusal)
    with pytest.raises(ApiError) as caught:
        list(Follower(client, JOB).follow())
    assert caught.value.code == code


def test_following_from_a_cursor_tells_only_what_comes_after(server: FakeServer, client: JobsClient) -> None:
    server.on("GET", EVENTS, Stream((kept(4), kept(5), end())))
    assert seqs(list(Follower(client, JOB, after=4).follow())) == [5]
