"""A real server in a temporary folder, for as long as a benchmark needs it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from tests.e2e.harness import SECRET, Server, running_server

from benchmarks.caller import Caller
from benchmarks.session_server import BEHAVIOUR
from headway.control.sessions import COOKIE

T = TypeVar("T")

_ROOT = str(Path(__file__).parents[1])
_WITHIN_S = 60.0
_IDLE_FOR_S = 1.0
_TICKS_OF_IMPORTS = 50  # a process that has used less has only begun

ENDLESS = json.dumps(
    {"symbols": ["BTC"], "features": ["price"], "seed": 11, "steps": 500_000_000, "durationHours": 1}
).encode()
"""A job that trains until it is cancelled."""


@contextmanager
def serving(*, behaviour: str | None = None, **settings: str) -> Iterator[Server]:
    """A healthy server. With `behaviour`, attempts are programs of `tests.fakes.rogues`; else real trainings."""
    module = "headway.cli.main" if behaviour is None else "benchmarks.session_server"
    chosen = {
        "HEADWAY_CONFIG": os.devnull,
        "HEADWAY_LOG_LEVEL": "WARNING",
        "HEADWAY_CPU_SLOTS": "1",
        "PYTHONPATH": _ROOT,
        BEHAVIOUR: behaviour or "",
        **settings,
    }
    with (
        tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder,
        running_server(Path(folder), module=module, **chosen) as server,
    ):
        yield server


def call(server: Server) -> Caller:
    """A connection of one's own."""
    return Caller(server.port, SECRET)


def sign_in(server: Server) -> str:
    """The token of a new session."""
    answer = httpx.post(f"{server.url}/ui/sign-in", data={"secret": SECRET})
    return answer.cookies[COOKIE]


def wait_until(probe: Callable[[], T | None], *, every_s: float = 0.002, what: str = "") -> T:
    """The first true value of `probe`; TimeoutError when none comes."""
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        value = probe()
        if value:
            return value
        time.sleep(every_s)  # looks as often as the measurement is exact
    raise TimeoutError(f"not within {_WITHIN_S:g} s: {what}")


def wait_for_state(caller: Caller, job_id: str, state: str) -> None:
    """Ask until the job is in a state."""
    wait_until(lambda: caller.state(job_id) == state, what=f"{job_id} is {state}")


def hold_slot(server: Server, caller: Caller) -> str:
    """Start an attempt that keeps the only slot, so that whatever is submitted next stays queued; its id."""
    job_id = caller.submit(ENDLESS)
    attempt = server.run_dir(job_id).attempt(1)
    wait_until((attempt.path / "pids").exists, what="the slot is held")
    return job_id


def wait_until_warm(server: Server) -> None:
    """Wait until the fork server has its imports behind it: it uses no time of a core any more."""
    pid = server.fork_server_pid()
    wait_until(lambda: _is_idle(pid), what="the fork server is warm")


def _is_idle(pid: int) -> bool:
    before = _ticks(pid)
    time.sleep(_IDLE_FOR_S)  # idle is who uses nothing for so long
    return _ticks(pid) == before > _TICKS_OF_IMPORTS


def _ticks(pid: int) -> int:
    """Time that a process has used, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
