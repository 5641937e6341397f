"""Readers of all paces: those that read slowly get all, those that stop are let go, and nobody holds up another."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from headway.api import hub, session_sockets, watcher
from headway.api.connections import GuardedSocket, frame_text
from headway.control.cursor import Cursor
from headway.control.live import LiveReader
from headway.control.sessions import COOKIE, open_session
from tests.integration.streaming import Message, Socket, Streaming, console_of, steps_of, streaming
from tests.waiting import eventually

_PAGE = "a line of the console that is sixty-four characters in length..\n" * 1000


class _Hasty(GuardedSocket):
    stalled_s = 0.5


def _flood(live: Streaming, run_id: str, pages: int) -> None:
    console = live.api.service.context.run_dir(run_id).attempt(1).console
    for _ in range(pages):
        with console.open("a") as file:
            file.write(_PAGE)


def test_who_reads_slowly_is_caught_up_from_the_store_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_BYTES", 64 << 10)
    with streaming(tmp_path) as live:
        run = live.begin()
        with live.watch(run.run_id, "start", max_queue=1) as slow, live.watch(run.run_id, "start") as quick:
            for loss in (0.5, 0.4):  # the second is told by the hub: both have joined it
                run.measure(loss)
                for socket in (slow, quick):
                    socket.read_until(lambda message: message["event_type"] == "metrics")
            _flood(live, run.run_id, 200)
            run.measure(0.3)
            run.end()
            quick.read_to_end()
            slow.read_to_end()

    for socket in (quick, slow):
        assert socket.code == 1000
        assert console_of(socket.messages) == _PAGE * 200
        assert steps_of(socket.messages) == [1, 2, 3]


def test_who_stops_reading_is_let_go_and_holds_up_nobody(tmp_path: Path) -> None:
    with streaming(tmp_path, ws=_Hasty) as live:
        run = live.begin()
        with live.watch(run.run_id, "start", max_queue=1) as stuck:
            with live.watch(run.run_id, "start") as quick:
                reading = threading.Thread(target=quick.read_to_end)
                reading.start()
                _flood(live, run.run_id, 400)
                eventually(lambda: _has_let_go(live), what="one of the two is let go")
                run.end()
                reading.join()
            stuck.read_to_end()

    assert quick.code == 1000
    assert stuck.code in (1013, None)  # the reason arrives where the reader goes on in time
    assert console_of(quick.messages) == _PAGE * 400
    assert len(console_of(stuck.messages)) < len(_PAGE) * 400


def _has_let_go(live: Streaming) -> bool:
    connections = list(live.server.server_state.connections)
    return len(connections) < 2 or any(getattr(each, "close_sent", False) for each in connections)


@pytest.mark.slow
def test_two_hundred_watchers_get_every_row(tmp_path: Path) -> None:
    with streaming(tmp_path) as live:
        run = live.begin()
        found: list[list[Message]] = []

        def read(socket: Socket) -> None:
            found.append(socket.read_to_end())

        with ExitStack() as opened:
            sockets = [opened.enter_context(live.watch(run.run_id, "start")) for _ in range(200)]
            threads = [threading.Thread(target=read, args=(socket,)) for socket in sockets]
            for thread in threads:
                thread.start()
            for _ in range(100):
                run.measure(0.5, 0.4, 0.3)
            run.end()
            for thread in threads:
                thread.join()

    assert [steps_of(messages) for messages in found] == [list(range(1, 301))] * 200


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_a_message_is_framed_as_the_protocol_has_it(size: int) -> None:
    content = b"x" * size
    assert frame_text(content) == Frame(Opcode.TEXT, content).serialize(mask=False)


def test_many_who_come_and_look_at_the_same_moment_share_a_few_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_sockets, "LOOK_EVERY_S", 0.05)
    with streaming(tmp_path) as live, ExitStack() as stack:
        run = live.begin()
        service = live.api.service
        token = open_session(service.context, owner=service.owner, agent="")
        signed_in = {"Cookie": f"{COOKIE}={token}"}
        watching = [live.watch(run.run_id, additional_headers=signed_in) for _ in range(60)]
        sockets = [stack.enter_context(each) for each in watching]
        run.measure(0.5)
        for socket in sockets:
            socket.read_until(lambda message: message["event_type"] == "metrics")

        workers = [thread for thread in threading.enumerate() if thread.name.startswith("AnyIO worker")]

        assert 0 < len(workers) < 15


def test_who_comes_late_reads_the_store_once_however_fast_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    original = watcher._read_until

    def read_slowly(reader: LiveReader, target: Cursor) -> list[bytes]:
        reads.append(1)
        time.sleep(0.05)  # longer than it takes the run to go on
        return original(reader, target)

    monkeypatch.setattr(watcher, "_read_until", read_slowly)
    with streaming(tmp_path) as live, ExitStack() as stack:
        run = live.begin()
        over = threading.Event()

        def speak() -> None:
            while not over.wait(0.01):
                run.measure(0.5)

        speaking = threading.Thread(target=speak)
        speaking.start()
        sockets = [stack.enter_context(live.watch(run.run_id, "start")) for _ in range(12)]
        for socket in sockets:
            socket.read_until(lambda message: message["event_type"] == "metrics")
        over.set()
        speaking.join()
        run.end()
        for socket in sockets:
            socket.read_to_end()

    assert len(reads) <= 3 * len(sockets)
    assert {tuple(steps_of(socket.messages)) for socket in sockets} == {tuple(range(1, run.rows + 1))}
