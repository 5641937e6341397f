"""How a supervisor comes to life: as a new program, or forked from a server that has the imports behind it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from headway.wire.rundir import AttemptDir

_log = structlog.get_logger("headway.executor")

# A training has no business with them. Those of PostgreSQL's client: PGPASSWORD, PGPASSFILE, PGSERVICE …
_SECRETS = {"ADMIN_SECRET", "HEADWAY_DATABASE_URL", "HEADWAY_NOTIFY_URLS"}
_SECRETS_BEGIN = "PG"
# A fork copies no threads: these keep OpenBLAS and jemalloc (within polars) from starting any at import.
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "_RJEM_MALLOC_CONF": "background_thread:false"}
_REPLY_TIMEOUT_S = 5.0
_END_TIMEOUT_S = 5.0


class Starter(Protocol):
    """Starts the supervisor of an attempt, which inherits the attempt's lock."""

    def start(self, attempt: AttemptDir, lock: int) -> bool:
        """False when this way is not open now; raises OSError when the machine refuses."""

    def close(self) -> None: ...


class PlainStarter:
    """Starts a new Python for the supervisor, and another for the training."""

    def __init__(self, session: Sequence[str]) -> None:
        """`session` is the program that trains; it is given the attempt's folder."""
        self._session = tuple(session)
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, attempt: AttemptDir, lock: int) -> bool:
        self._children = [child for child in self._children if child.poll() is None]
        with attempt.console.open("ab") as console:
            child = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "headway.supervisor", str(attempt.path), str(lock), *self._session],
                pass_fds=[lock],
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._children.append(child)
        return True

    def close(self) -> None:
        for child in self._children:
            child.returncode = 0  # supervisors live on: they are not waited for


class WarmStarter:
    """Asks a fork server, which this process keeps; never waits for it to become warm, replaces it when it dies."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` is the fork server; it is given the descriptor of its socket."""
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._warm = False
        self._turn = threading.RLock()  # two attempts may be started at once, and there is one socket

    def open(self) -> None:
        """Start the fork server, without waiting for it."""
        with self._turn:
            self._open()

    def _open(self) -> None:
        self._close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [*self._command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**clean_environment(), **_NO_THREADS},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.settimeout(_REPLY_TIMEOUT_S)
        self._socket, self._warm = ours, False

    def start(self, attempt: AttemptDir, lock: int) -> bool:
        with self._turn:
            return self._start(attempt, lock)

    def _start(self, attempt: AttemptDir, lock: int) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._open()
            return False
        if not self._is_warm():
            return False
        try:
            return self._ask(attempt, lock)
        except OSError as error:
            _log.warning("the fork server does not answer, starting plainly", error=str(error))
            self._open()
            return False

    def close(self) -> None:
        """End the fork server; what it has started lives on."""
        with self._turn:
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # it is killed, and dies when the kernel lets it
                self._process.wait(_END_TIMEOUT_S)
        self._socket = self._process = None

    def _is_warm(self) -> bool:
        if not self._warm and self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self._warm = self._socket.recv(16) == b"warm\n"
        return self._warm

    def _ask(self, attempt: AttemptDir, lock: int) -> bool:
        if self._socket is None:
            return False
        socket.send_fds(self._socket, [os.fsencode(attempt.path) + b"\n"], [lock])
        answer = self._socket.recv(16)
        if answer != b"forked\n":
            raise ConnectionError(f"it said {answer!r}")
        return True


def clean_environment() -> dict[str, str]:
    """The environment of this process without its secrets, in whatever case settings are named."""
    return {name: value for name, value in os.environ.items() if not _is_secret(name.upper())}


def _is_secret(name: str) -> bool:
    return name in _SECRETS or name.startswith(_SECRETS_BEGIN)
