from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from headway.client.errors import ApiError, ServerUnreachable
from headway.client.jobs import JobsClient
from headway.client.pacing import Pacing, Retry
from headway.domain.errors import InvalidInput
from tests.unit.client.moved import MovedTime
from tests.unit.client.server import JOB, SECRET, FakeServer, Reply, Stream, end, job, kept, progress

ACCEPTED = {"jobId": JOB, "acceptedAt": "now", "estimatedDuration": "10 hours", "queuePosition": 0}


def test_every_try_of_a_submission_carries_the_same_key_and_body(
    server: FakeServer, client: JobsClient
) -> None:
    server.on("POST", "/jobs", Reply(dropped=True), Reply(503), Reply(502), Reply(202, ACCEPTED))
    assert client.submit({"symbols": ["BTC"]}, "key-1") == ACCEPTED
    tries = server.asked("POST", "/jobs")
    assert [one.headers["idempotency-key"] for one in tries] == ["key-1"] * 4
    assert [json.loads(one.body) for one in tries] == [{"symbols": ["BTC"]}] * 4
    assert {one.headers["x-admin-secret"] for one in tries} == {SECRET}


def test_waits_double_until_the_time_for_retries_is_over(server: FakeServer, time: MovedTime) -> None:
    server.on("GET", "/queue", Reply(503, {"error": "unavailable", "message": "starting"}))
    told: list[Retry] = []
    client = JobsClient(server.url, SECRET, retry_for_s=4.0, pacing=time.pacing(), on_retry=told.append)
    with client, pytest.raises(ApiError) as caught:
        client.queue()
    assert (caught.value.status, caught.value.code) == (503, "unavailable")
    assert time.waits_s == [0.25, 0.5, 1.0, 2.0]
    assert [one.tries for one in told] == [1, 2, 3, 4]


def test_the_wait_that_the_server_asks_for_is_kept(
    server: FakeServer, client: JobsClient, time: MovedTime
) -> None:
    busy = {"error": "unavailable", "message": "starting", "retryAfterSeconds": 5}
    server.on("GET", "/queue", Reply(503, busy), Reply(200, {"queueLength": 0}))
    assert client.queue() == {"queueLength": 0}
    assert time.waits_s == [5.0]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422, 429, 500])
def test_an_error_that_no_retry_mends_is_raised_at_once(
    server: FakeServer, client: JobsClient, status: int
) -> None:
    body = {"error": "some_code", "message": "why", "field": "symbols", "bound": "BTC", "remedy": "mend it"}
    server.on("POST", "/jobs", Reply(status, body))
    with pytest.raises(ApiError) as caught:
        client.submit({}, "key")
    error = caught.value
    assert (error.status, error.code, error.message, error.body) == (status, "some_code", "why", body)
    assert len(server.asked("POST", "/jobs")) == 1


@pytest.mark.parametrize("body", [b"<html>not ours</html>", b"[1]", b"", b"\xff"])
@pytest.mark.parametrize("status", [200, 301, 403])
def test_an_answer_that_is_not_of_headway_says_so(
    server: FakeServer, client: JobsClient, status: int, body: bytes
) -> None:
    server.on("GET", "/queue", Reply(status, body))
    with pytest.raises(ApiError, match="Headway does not say") as caught:
        client.queue()
    assert caught.value.code == "unexpected_answer"


def test_no_server_is_named_with_its_address(time: MovedTime) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = JobsClient(url, SECRET, retry_for_s=1.0, pacing=time.pacing())
        with client, pytest.raises(ServerUnreachable, match=url) as caught:
            client.status(JOB)
    assert caught.value.unsent
    assert time.waits_s == [0.25, 0.5]


def test_a_resume_that_may_have_arrived_is_not_sent_again(server: FakeServer, client: JobsClient) -> None:
    server.on("POST", f"/jobs/{JOB}/resume", Reply(dropped=True), Reply(202, ACCEPTED))
    with pytest.raises(ServerUnreachable) as caught:
        client.resume(JOB, maxDurationHours=20.0)
    assert not caught.value.unsent
    sent = server.asked("POST", f"/jobs/{JOB}/resume")
    assert [json.loads(one.body) for one in sent] == [{"maxDurationHours": 20.0}]


def test_a_resume_that_the_server_put_off_is_sent_again(server: FakeServer, client: JobsClient) -> None:
    server.on("POST", f"/jobs/{JOB}/resume", Reply(503), Reply(202, ACCEPTED))
    assert client.resume(JOB) == ACCEPTED


def test_a_cancel_whose_answer_was_lost_is_no_error(server: FakeServer, client: JobsClient) -> None:
    gone = {"error": "already_ended", "message": "it has ended", "state": "cancelled"}
    server.on("DELETE", f"/jobs/{JOB}", Reply(dropped=True), Reply(409, gone))
    server.answer(job("cancelled", cancelRequestedAt="then"))
    assert client.cancel(JOB) == {"jobId": JOB, "state": "cancelled", "cancelRequestedAt": "then"}


def test_a_cancel_of_a_job_that_had_ended_is_an_error(server: FakeServer, client: JobsClient) -> None:
    gone = {"error": "already_ended", "message": "it has ended", "state": "cancelled"}
    server.on("DELETE", f"/jobs/{JOB}", Reply(409, gone))
    with pytest.raises(ApiError, match="has ended"):
        client.cancel(JOB)


def test_lists_ask_for_what_is_given_and_nothing_else(server: FakeServer, client: JobsClient) -> None:
    server.on("GET", "/jobs", Reply(200, {"jobs": []}))
    client.list(limit=5, state="done", cursor="c/1 &")
    client.list()
    assert [one.query for one in server.asked("GET", "/jobs")] == [
        {"limit": "5", "state": "done", "cursor": "c/1 &"},
        {"limit": "50"},
    ]


@pytest.mark.parametrize("job_id", ["", "..", "tr_1", "../../queue", f"{JOB}/status"])
def test_a_text_that_is_no_job_id_is_never_sent(server: FakeServer, client: JobsClient, job_id: str) -> None:
    with pytest.raises(InvalidInput):
        client.status(job_id)
    assert server.received == []


def test_nan_is_refused_before_it_is_sent(server: FakeServer, client: JobsClient) -> None:
    with pytest.raises(ValueError):
        client.submit({"feeBps": float("nan")}, "key")
    assert server.received == []


def test_logs_say_where_to_go_on(server: FakeServer, client: JobsClient) -> None:
    path = f"/jobs/{JOB}/logs"
    server.on("GET", path, Reply(200, b"abc\n", (("X-Next-Offset", "104"),)), Reply(200, b"d"))
    assert client.logs(JOB, tail=3).next_offset == 104
    assert client.logs(JOB, offset=104).next_offset == 105
    assert [one.query for one in server.asked("GET", path)] == [{"tail": "3"}, {"offset": "104"}]


CAUGHT_UP: list[tuple[str, Any]] = [
    ("the end", Stream((kept(1), kept(2), end()))),
    ("a keep-alive", Stream((progress(0.1), kept(1), kept(2), ": keep-alive\n\n"), held=True)),
    ("progress twice", Stream((kept(1), progress(0.1), kept(2), progress(0.1), progress(0.2)), held=True)),
]


@pytest.mark.parametrize(("_why", "stream"), CAUGHT_UP, ids=[why for why, _ in CAUGHT_UP])
def test_events_up_to_now_end_when_the_server_has_no_more(
    server: FakeServer, client: JobsClient, _why: str, stream: Stream
) -> None:
    server.on("GET", f"/jobs/{JOB}/events", stream)
    assert [news.seq for news in client.events(JOB, after=0, follow=False)] == [1, 2]


@pytest.mark.slow
def test_events_up_to_now_end_when_the_server_falls_silent(server: FakeServer, client: JobsClient) -> None:
    server.on("GET", f"/jobs/{JOB}/events", Stream((kept(1), kept(2)), held=True))
    assert [news.seq for news in client.events(JOB, follow=False)] == [1, 2]


def test_events_up_to_now_are_asked_for_again_after_a_tear(server: FakeServer, client: JobsClient) -> None:
    server.on("GET", f"/jobs/{JOB}/events", Stream((kept(1),), torn=True), Stream((kept(1), kept(2), end())))
    assert [news.seq for news in client.events(JOB, follow=False)] == [1, 2]


def test_jitter_lies_between_nothing_and_the_doubled_wait() -> None:
    asked: list[tuple[float, float]] = []

    def middle(low: float, high: float) -> float:
        asked.append((low, high))
        return (low + high) / 2

    pacing = Pacing(uniform=middle, first_s=1.0, cap_s=8.0)
    assert [pacing.delay_s(tries) for tries in (1, 2, 3, 4, 5, 5000)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert asked[0] == (0.0, 1.0)
