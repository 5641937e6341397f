"""The client's follower against a real server: it goes on by its cursor, and says what no retry mends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.client.errors import ApiError, WatchTimeout
from headway.client.patience import ContactChange
from headway.client.runs import RunsClient
from headway.client.watch import RunFollower
from headway.wire.stream import StreamFrame
from tests.integration.calling import SECRET
from tests.integration.streaming import Streaming, streaming
from tests.unit.client.moved import MovedTime


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    with streaming(tmp_path_factory.mktemp("server")) as server:
        yield server


def _client(live: Streaming, secret: str = SECRET) -> RunsClient:
    return RunsClient(f"http://127.0.0.1:{live.port}", secret, retry_for_s=0.0)


def _steps(frames: list[StreamFrame]) -> list[int]:
    return [frame.data["step"] for frame in frames if frame.event_type == "metrics" and not frame.snapshot]


def test_a_run_is_followed_to_its_end(live: Streaming) -> None:
    run = live.begin()
    run.train()
    with _client(live) as client:
        following = RunFollower(client, run.run_id).follow()
        first = next(following)
        run.measure(0.9, 0.8)
        run.end()
        rest = list(following)

    assert (first.event_type, first.snapshot) == ("status", True)
    assert _steps(rest) == [1, 2]
    assert rest[-1].data["final"] is True


def test_connections_that_break_are_made_again_and_nothing_is_told_twice(live: Streaming) -> None:
    run = live.begin()
    changes: list[ContactChange] = []
    told: list[StreamFrame] = []
    with _client(live) as client:
        for frame in RunFollower(client, run.run_id, after="start", on_contact=changes.append).follow():
            told.append(frame)
            if frame.event_type == "metrics" or frame.data.get("event") == "run_claimed":
                # Every connection breaks after a message or two; the run goes on meanwhile.
                for connection in list(live.server.server_state.connections):
                    connection.loop.call_soon_threadsafe(connection.transport.abort)
                if run.rows < 6:
                    run.measure(0.5)
                else:
                    run.end()

    assert _steps(told) == [1, 2, 3, 4, 5, 6]
    assert told[-1].data["final"] is True
    assert {change.lost for change in changes} == {True, False}


def test_what_no_retry_mends_is_raised(live: Streaming) -> None:
    with _client(live) as client, pytest.raises(ApiError) as missing:
        list(RunFollower(client, "fc_1700000000000_00000000").follow())
    with _client(live, "wrong") as client, pytest.raises(ApiError) as locked:
        list(RunFollower(client, live.begin().run_id).follow())

    assert (missing.value.status, missing.value.code) == (404, "not_found")
    assert (locked.value.status, locked.value.code) == (401, "unauthorized")


def test_watching_ends_at_its_deadline_and_the_run_goes_on(live: Streaming) -> None:
    run = live.begin()
    with _client(live) as client, pytest.raises(WatchTimeout):
        list(RunFollower(client, run.run_id, deadline_s=0.5).follow())


def test_a_server_that_is_not_there_is_tried_until_the_deadline() -> None:
    time, changes = MovedTime(), list[ContactChange]()
    with (
        RunsClient("http://127.0.0.1:9", SECRET, pacing=time.pacing()) as client,
        pytest.raises(WatchTimeout),
    ):
        list(
            RunFollower(
                client, "fc_1700000000000_00000000", deadline_s=60, on_contact=changes.append
            ).follow()
        )

    assert [change.lost for change in changes] == [True]
