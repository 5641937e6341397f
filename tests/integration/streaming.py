"""A run that a test makes speak, behind a real server whose socket a real client reads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from headway.api.connections import uvicorn_limits
from headway.control.dispatch import claim_next, start
from headway.domain.clock import format_utc
from headway.ports import Sighting
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind, encode_line
from headway.wire.rundir import AttemptDir
from tests.fakes.executor import make_exit
from tests.integration.calling import SECRET, Api, make_api

PATIENCE_S = 20.0
Message = dict[str, Any]


@dataclass
class Spoken:
    """A run of a test, which says what it is told to say."""

    api: Api
    run_id: str
    attempt: int = 1
    seq: int = 0
    console_bytes: bytes = b""
    rows: int = 0

    @property
    def folder(self) -> AttemptDir:
        return self.api.service.context.run_dir(self.run_id).attempt(self.attempt)

    def begin(self) -> None:
        """Start the next attempt."""
        context = self.api.service.context
        claim = claim_next(context, self.api.watcher.token)
        assert claim is not None
        assert claim.run.id == self.run_id
        start(context, claim.run, ())
        self.attempt, self.seq, self.console_bytes = claim.run.attempt, 0, b""

    def say(self, kind: LineKind, **data: Any) -> None:
        """A line of the log, which the server reads."""
        self.write(kind, **data)
        self.api.watcher.step()

    def write(self, kind: LineKind, **data: Any) -> None:
        """A line of the log, which the server has not read yet."""
        self.seq += 1
        at = format_utc(self.api.services.clock.now())
        with self.folder.events.open("ab") as file:
            file.write(encode_line(self.seq, at, kind, data))

    def measure(self, *losses: float) -> None:
        """A line with a row for each loss."""
        rows = [[self.rows + number, {"train/loss": loss}] for number, loss in enumerate(losses, 1)]
        self.rows += len(losses)
        self.say(LineKind.METRICS, rows=rows)

    def train(self) -> None:
        self.say(LineKind.PHASE, state="training", text="training")

    def save(self, step: int) -> None:
        path = f"checkpoints/{step:012d}"
        good = {"epoch": 1, "val_loss": 0.7, "val_score": 0.55}
        self.say(LineKind.CHECKPOINT, path=path, step=step, size_bytes=1 << 20, sha256="0" * 64, **good)

    def print(self, text: str) -> None:
        with self.folder.console.open("ab") as file:
            file.write(text.encode())

    def end(self, verb: Verb | None = None) -> None:
        """The attempt dies: asked to by `verb`, or by an error of its own."""
        sighting = Sighting(alive=False, heartbeat_at=None, exit=make_exit(verb=verb))
        self.api.services.executor.sightings[self.run_id, self.attempt] = sighting
        self.api.watcher.step()


@dataclass
class Socket:
    """One connection of a watcher."""

    connection: ClientConnection
    messages: list[Message] = field(default_factory=list)
    code: int | None = None

    def next(self) -> Message:
        found: Message = json.loads(self.connection.recv(PATIENCE_S))
        self.messages.append(found)
        return found

    def read_until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """All up to the first message that is wanted."""
        found = [self.next()]
        while not wanted(found[-1]):
            found.append(self.next())
        return found

    def read_to_end(self) -> list[Message]:
        """All until the server closes; then `code` says how."""
        found: list[Message] = []
        try:
            while True:
                found.append(self.next())
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else None
        return found


@dataclass(frozen=True)
class Streaming:
    """A server and what is behind it."""

    api: Api
    port: int
    server: uvicorn.Server

    def begin(self) -> Spoken:
        """A run whose first attempt is under way."""
        run = Spoken(self.api, self.api.submit(steps=100, seed=3, priority=100))
        run.begin()
        return run

    @contextmanager
    def watch(self, run_id: str, after: str | None = None, **arguments: Any) -> Iterator[Socket]:
        query = "" if after is None else f"?after={after}"
        given = {"additional_headers": {"x-admin-secret": SECRET}, "proxy": None, **arguments}
        with connect(f"ws://127.0.0.1:{self.port}/runs/{run_id}/stream{query}", **given) as connection:
            yield Socket(connection)


@contextmanager
def streaming(folder: Path, **changes: Any) -> Iterator[Streaming]:
    """A server in a thread, with the limits of `headway serve`."""
    api = make_api(folder, cpu_slots=64)
    config = uvicorn.Config(api.app, port=0, log_config=None, **{**uvicorn_limits(), **changes})
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield Streaming(api, listener.getsockname()[1], server)
    finally:
        api.service.closing.close()
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()


def console_of(messages: list[Message]) -> str:
    logs = (message["data"] for message in messages if message["event_type"] == "log")
    return "".join(data["message"] for data in logs if data["source"] == "console")


def steps_of(messages: list[Message]) -> list[int]:
    return [
        message["data"]["step"]
        for message in messages
        if message["event_type"] == "metrics" and not message.get("snapshot")
    ]
