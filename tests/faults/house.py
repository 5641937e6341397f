"""A real server on a data folder of its own, that may be killed and started, and the store as it lies on the disk."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from headway.wire.rundir import RunDir
from tests.e2e.harness import SECRET, _kill_all_below, free_port, parse_events
from tests.fakes.candles import write_candles
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
ENDED = ("done", "failed", "cancelled")
_AGAIN_S = 0.02
_BUSY = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}


class Unanswered(Exception):
    """The server gave no answer, or said that it could not now."""


@dataclass
class House:
    """One data folder and the server on it."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            headers={"x-admin-secret": SECRET}, timeout=10.0, trust_env=False
        )
    )
    sealed: dict[str, str] = field(default_factory=dict)  # records of runs that have ended, as they were then

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.data_dir / "server.log"

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            **os.environ,
            "HEADWAY_DATA_DIR": str(self.data_dir),
            "HEADWAY_PORT": str(self.port),
            "HEADWAY_JOBS_PER_HOUR": "0",
            "HEADWAY_MIN_FREE_MB": "1",
            "HEADWAY_GRACE_S": "2",
            "HEADWAY_CPU_SLOTS": "2",
            "ADMIN_SECRET": SECRET,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            **settings,
        }

    def spawn(self, **settings: str) -> subprocess.Popen[bytes]:
        """A server on this folder, whether or not there is one."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.programs", "serve"],
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start(self, *, crash_at: str | None = None) -> None:
        """Start the server; healthy on return, or dead where it was told to crash."""
        self.process = self.spawn(**({"HEADWAY_CRASH_AT": crash_at} if crash_at else {}))
        eventually(lambda: self._is_healthy() or self._is_dead(), what="the server is healthy")
        assert crash_at or not self._is_dead(), self.log.read_text()[-3000:]

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def _is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _is_healthy(self) -> bool:
        try:
            return self.client.get(f"{self.url}/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    # the API, as a client that does not give up
    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; Unanswered when the server is away or busy."""
        try:
            answer = self.client.request(method, f"{self.url}/api/training{path}", **arguments)
        except httpx.TransportError as error:
            raise Unanswered(repr(error)) from error
        if answer.status_code in _BUSY:
            raise Unanswered(answer.text)
        return answer

    def ask_until_answered(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.ask(method, path, **arguments)
            except Unanswered:
                assert time.monotonic() < deadline, f"{method} {path} is not answered"
                time.sleep(_AGAIN_S)

    def submit(self, key: str, seed: int) -> str:
        """The job of an idempotency key, however often the request must be sent."""
        body = {"symbols": ["BTC"], "features": ["price"], "seed": seed}
        answer = self.ask_until_answered("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["jobId"])

    def resume(self, run_id: str) -> None:
        """Resume a failed run; one that an unanswered request has resumed already is left alone."""
        answer = self.ask_until_answered("POST", f"/jobs/{run_id}/resume", json={})
        assert answer.status_code in (httpx.codes.ACCEPTED, httpx.codes.CONFLICT), answer.text

    def told_events(self, run_id: str) -> list[dict[str, Any]]:
        return parse_events(self.ask_until_answered("GET", f"/jobs/{run_id}/events").text)

    # the disk
    def run_dir(self, run_id: str) -> RunDir:
        return RunDir(self.data_dir / "runs" / run_id)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """What the database answers, read beside the server."""
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=30, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    @property
    def database(self) -> Path:
        return self.data_dir / "headway.db"

    def records(self, run_ids: list[str]) -> dict[str, dict[str, Any]]:
        """The kept records of runs by id; those that are lost are missing."""
        found = {row[0]: json.loads(row[1]) for row in self.rows("SELECT id, record FROM runs")}
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}


@contextmanager
def a_house(folder: Path) -> Iterator[House]:
    """A started server on a new folder; whatever runs on it is dead afterwards."""
    data_dir = folder / "data"
    write_candles(data_dir / "candles" / "BTCUSDT_1h.csv", bars=600, seed=3)
    house = House(data_dir, free_port())
    house.start()
    try:
        yield house
    finally:
        house.kill()
        house.client.close()
        _kill_all_below(data_dir)
