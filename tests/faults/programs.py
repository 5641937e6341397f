"""The programs of the fault suite, all of them real but for the engine, the clock, and one more reader of the outbox.

`python -m tests.faults.programs serve`, `… session ATTEMPT_DIR` and `… warm SOCKET_FD`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from errno import ENOSPC
from importlib import import_module
from pathlib import Path

from headway import compose
from headway.cli.serve import serve
from headway.control.follow import OutboxReader
from headway.control.loops import Loop
from headway.domain.clock import SystemClock
from headway.domain.events import Event
from headway.engines import registry, warm
from headway.engines.session import run_session
from headway.settings import read_settings
from headway.supervisor.trainers import leave
from headway.wire.rundir import AttemptDir

WARM_PPO = "FAULTS_WARM_PPO"  # in the environment: the fork server imports the real engine too

_THIS = (sys.executable, "-m", "tests.faults.programs")
_OUTBOX_PAUSE_S = 0.05


def clock_of(data_dir: Path, port: int) -> Path:
    """The file that says by how many seconds the clock of a server is wrong."""
    return data_dir / f"clock-{port}"


def outbox_of(data_dir: Path, port: int) -> Path:
    """The file in which the reader of a server's outbox keeps what it was handed: position, run and number a line."""
    return data_dir / f"outbox-{port}"


class JumpingClock(SystemClock):
    """The machine's clock, and how wrong it is now."""

    def __init__(self) -> None:
        settings = read_settings()
        self._file = clock_of(settings.data_dir, settings.port)

    def now(self) -> datetime:
        wrong_s = self._file.read_text() if self._file.exists() else ""
        return super().now() + timedelta(seconds=float(wrong_s or 0))


class Running(compose.Running):
    """The service, with one more reader of the outbox, which is killed with it and goes on with the next."""

    def start(self, on_broken: compose.OnBroken) -> None:
        super().start(on_broken)
        port = self.settings.port
        reader = OutboxReader(
            self.service.context, f"faults-{port}", _keep(outbox_of(self.settings.data_dir, port))
        )

        def step() -> float:
            try:
                while reader.step():
                    pass
            except OSError as error:
                if error.errno != ENOSPC:  # the disk of a case is full for the witness too: it comes back
                    raise
            return _OUTBOX_PAUSE_S

        self._loops.append(Loop("outbox of the tests", step, on_broken))
        self._loops[-1].start()


def _keep(path: Path) -> Callable[[list[Event]], None]:
    """Write all of what was handed or nothing of it: of a full disk, `write` takes a part without a word."""

    def handle(events: list[Event]) -> None:
        lines = "".join(f"{event.position} {event.run_id} {event.seq}\n" for event in events)
        left = memoryview(lines.encode())
        with path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError:
                file.truncate(end)
                raise

    return handle


def main(role: str, *arguments: str) -> None:
    """Be the server, the session of a plain start, or the fork server."""
    registry._MODULES["ppo"] = "tests.faults.engine"
    del registry._MODULES["forecast"]  # no case trains with it, and each fork server would import torch
    if role == "serve":
        compose._SESSION = (*_THIS, "session")  # type: ignore[assignment]
        compose._WARM = (*_THIS, "warm")  # type: ignore[assignment]
        compose.SystemClock = JumpingClock  # type: ignore[attr-defined]
        compose.Running = Running  # type: ignore[misc]
        sys.exit(serve(read_settings()))
    if role == "session":
        leave(run_session(AttemptDir(Path(arguments[0]))))
    if WARM_PPO in os.environ:
        import_module("headway.engines.ppo.engine")
    warm.serve(socket.socket(fileno=int(arguments[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
