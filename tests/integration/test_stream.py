"""The socket of a run: what it tells, in which order, from where, and how it closes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from websockets.exceptions import InvalidStatus

from headway.control.sessions import COOKIE, end_session, open_session
from headway.domain.errors import StoreUnavailable
from headway.domain.sessions import session_id_of
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind
from headway.wire.stream import (
    CheckpointData,
    LogData,
    MetricsData,
    StatusData,
    StreamFrame,
)
from tests.integration.calling import SECRET
from tests.integration.streaming import Message, Spoken, Streaming, console_of, steps_of, streaming


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    with streaming(tmp_path_factory.mktemp("server")) as server:
        yield server


def _is_final(message: Message) -> bool:
    return bool(message["data"].get("final"))


def _events(messages: list[Message]) -> list[str]:
    return [message["data"]["event"] for message in messages if message["event_type"] == "status"]


def _live_through(run: Spoken) -> None:
    """A run that says something of every kind, loses an attempt, and ends."""
    run.train()
    run.measure(0.9, 0.8, 0.7)
    run.print("first line\nsecond, ünfinished")
    run.say(LineKind.PROGRESS, fraction=0.3, phase="epoch 1/4", step=3, epoch=1, eta_s=120.0)
    run.save(3)
    run.say(LineKind.NOTE, level="info", text="a note")
    run.print(" …now it is\n")
    run.measure(0.6)
    run.end()


def test_a_watcher_sees_first_how_the_run_stands_and_then_what_comes(live: Streaming) -> None:
    run = live.begin()
    run.train()
    run.measure(0.9, 0.8)
    run.save(2)
    run.print("one\ntwo\n")
    with live.watch(run.run_id) as socket:
        picture = [socket.next() for _ in range(4)]
        run.measure(0.7)
        told = socket.next()

    assert [message["event_type"] for message in picture] == ["status", "metrics", "checkpoint", "log"]
    status, metrics, checkpoint, log = (message["data"] for message in picture)
    assert (status["status"], status["state"], status["final"]) == ("running", "training", False)
    assert (metrics["train_loss"], metrics["val_loss"]) == (0.8, None)
    assert (checkpoint["step"], checkpoint["size_mb"]) == (2, 1.0)
    assert (checkpoint["epoch"], checkpoint["val_loss"], checkpoint["val_score"]) == (1, 0.7, 0.55)
    assert log["message"] == "one\ntwo\n"
    assert (told["data"]["step"], told["data"]["train_loss"]) == (3, 0.7)
    assert told["data"]["series"] == {"train/loss": 0.7}


def test_every_message_has_the_documented_shape(live: Streaming) -> None:
    run = live.begin()
    with live.watch(run.run_id, "start") as socket:
        _live_through(run)
        messages = socket.read_to_end()

    shapes: dict[str, type[BaseModel]] = {
        "status": StatusData,
        "metrics": MetricsData,
        "log": LogData,
        "checkpoint": CheckpointData,
    }
    for message in messages:
        frame = StreamFrame.model_validate(message)
        data = shapes[frame.event_type].model_validate(frame.data)
        assert set(frame.data) <= set(type(data).model_fields), message
    assert {message["event_type"] for message in messages} == set(shapes)


def test_the_end_is_told_once_and_last_and_the_socket_closes_in_order(live: Streaming) -> None:
    run = live.begin()
    with live.watch(run.run_id) as socket:
        _live_through(run)
        messages = socket.read_to_end()

    assert socket.code == 1000
    assert [_is_final(message) for message in messages] == [False] * (len(messages) - 1) + [True]
    end = messages[-1]["data"]
    assert (end["status"], end["reason"], end["state"]) == ("failed", "trainer_error", "failed")
    assert end["remedy"]
    assert console_of(messages) == "first line\nsecond, ünfinished …now it is\n"


def test_a_run_that_has_ended_is_shown_and_closed(live: Streaming) -> None:
    run = live.begin()
    _live_through(run)
    with live.watch(run.run_id) as socket:
        messages = socket.read_to_end()

    kinds = [message["event_type"] for message in messages]
    assert (kinds, socket.code) == (["status", "metrics", "checkpoint", "log", "status"], 1000)


def test_metrics_carry_the_newest_of_each_name_and_the_pace(live: Streaming) -> None:
    run = live.begin()
    with live.watch(run.run_id, "start") as socket:
        run.train()
        run.say(LineKind.PROGRESS, fraction=0.3, phase="epoch 2/4", step=5, epoch=2, eta_s=90.0)
        run.say(LineKind.METRICS, rows=[[5, {"val/loss": 0.5, "system/gpu_fraction": 0.25}]])
        run.measure(0.4)
        last = socket.read_until(lambda message: message["data"].get("train_loss") == 0.4)[-1]["data"]

    assert (last["val_loss"], last["epoch"], last["eta_minutes"], last["gpu_utilization"]) == (
        0.5,
        2,
        1.5,
        0.25,
    )
    assert last["val_da"] is None


def test_a_resumed_run_is_followed_into_its_next_attempt(live: Streaming) -> None:
    run = live.begin()
    run.measure(0.9)
    with live.watch(run.run_id, "start") as first:
        run.end(Verb.CANCEL)
        ended = first.read_to_end()
    answer = live.api.ask("POST", f"/api/training/jobs/{run.run_id}/resume")
    assert answer.status_code == 202, answer.text
    run.begin()
    with live.watch(run.run_id, ended[-1]["cursor"]) as second:
        run.train()
        run.measure(0.8)
        run.print("again\n")
        run.end()
        messages = second.read_to_end()

    assert _events(messages)[:2] == ["run_resumed", "run_claimed"]
    assert steps_of(ended) + steps_of(messages) == [1, 2]
    assert {message["data"]["attempt"] for message in messages if message["event_type"] == "metrics"} == {2}
    assert console_of(messages) == "again\n"
    assert _is_final(messages[-1])


def test_an_attempt_that_is_lost_and_followed_by_another_is_told_through(live: Streaming) -> None:
    run = live.begin()
    with live.watch(run.run_id, "start") as socket:
        run.measure(0.9)
        run.print("of the first")
        run.end(Verb.SHUTDOWN)
        run.begin()
        run.measure(0.8)
        run.print("of the second\n")
        run.end()
        messages = socket.read_to_end()

    assert console_of(messages) == "of the firstof the second\n"
    assert [event for event in _events(messages) if event != "progress"] == [
        "run_queued",
        "run_claimed",
        "attempt_ended",
        "run_claimed",
        "run_ended",
    ]


def test_a_run_that_is_not_there_closes_the_open_socket(live: Streaming) -> None:
    for run_id in ("fc_1700000000000_00000000", "nonsense"):
        with live.watch(run_id) as socket:
            assert (socket.read_to_end(), socket.code) == ([], 1008)


@pytest.mark.parametrize(
    "after", ["", "nonsense", "1.2", "1.1.1.1.1.1.-1", "9.1.1.1.1.1.1", "1.99.99.1.0.0.0"]
)
def test_a_cursor_that_is_none_or_lies_ahead_is_refused(live: Streaming, after: str) -> None:
    run = live.begin()
    with live.watch(run.run_id, after) as socket:
        assert (socket.read_to_end(), socket.code) == ([], 1008)


def test_nobody_watches_without_the_secret(live: Streaming) -> None:
    run = live.begin()
    for headers in ({}, {"x-admin-secret": "wrong"}, {"x-admin-secret": ""}):
        with live.watch(run.run_id, additional_headers=headers) as socket:
            assert (socket.read_to_end(), socket.code) == ([], 4401)


@pytest.mark.parametrize("by_session", [True, False])
def test_a_store_that_is_away_is_told_by_a_code(
    live: Streaming, monkeypatch: pytest.MonkeyPatch, *, by_session: bool
) -> None:
    service, run = live.api.service, live.begin()
    token = open_session(service.context, owner=service.owner, agent="")
    headers = {"Cookie": f"{COOKIE}={token}"} if by_session else {"x-admin-secret": SECRET}

    def fail(_: object) -> None:
        raise StoreUnavailable("the database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(service.context.store, "read", fail)
        with live.watch(run.run_id, additional_headers=headers) as socket:
            assert (socket.read_to_end(), socket.code) == ([], 1011)
    with live.watch(run.run_id, additional_headers=headers) as socket:
        assert socket.next()["snapshot"]
        run.end()
        socket.read_to_end()


def test_a_socket_ends_with_the_session_that_opened_it(live: Streaming) -> None:
    run, service = live.begin(), live.api.service
    kept, ended = (open_session(service.context, owner=service.owner, agent="") for _ in range(2))
    with (
        live.watch(run.run_id, additional_headers={"Cookie": f"{COOKIE}={kept}"}) as stays,
        live.watch(run.run_id, additional_headers={"Cookie": f"{COOKIE}={ended}"}) as goes,
    ):
        assert [socket.next()["event_type"] for socket in (stays, goes)] == ["status", "status"]
        end_session(service.context, session_id_of(ended))
        goes.read_to_end()
        assert goes.code == 4401
        run.measure(0.5)
        assert stays.read_until(lambda message: message["event_type"] == "metrics")


def test_a_browser_brings_the_secret_as_a_subprotocol_and_never_gets_it_back(live: Streaming) -> None:
    run = live.begin()
    for secret, code in ((SECRET, None), ("wrong", 4401)):
        offered = "headway.secret." + base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
        with live.watch(
            run.run_id,
            additional_headers={},
            subprotocols=["headway", offered],
            origin=f"http://127.0.0.1:{live.port}",
        ) as socket:
            assert socket.connection.subprotocol == "headway"
            if code is None:
                assert socket.next()["event_type"] == "status"
            else:
                assert (socket.read_to_end(), socket.code) == ([], code)


def test_a_page_of_another_site_gets_no_socket(live: Streaming) -> None:
    run = live.begin()
    for refused in ({"origin": "http://evil.example"}, {"additional_headers": {"Host": "evil.example"}}):
        with pytest.raises(InvalidStatus), live.watch(run.run_id, **refused):
            pass


def test_a_server_that_ends_says_so(tmp_path: Path) -> None:
    with streaming(tmp_path) as live:
        run = live.begin()
        with live.watch(run.run_id, "start") as socket:
            run.measure(0.9)
            socket.read_until(lambda message: message["event_type"] == "metrics")
            live.api.service.closing.close()
            socket.read_to_end()

    assert socket.code == 1012
