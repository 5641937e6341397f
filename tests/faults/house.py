"""Real servers on a data folder of their own, that may be killed and started, and the store as it lies on the disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from headway.wire.rundir import RunDir
from tests.e2e.harness import SECRET, parse_events
from tests.fakes.receiver import Receiver
from tests.faults.programs import clock_of, outbox_of
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
ENDED = ("done", "failed", "cancelled")
CONTACT_LOST_AFTER_S = 2
MEMORY_LIMIT_MIB = 400
_AGAIN_S = 0.02
_LOG_TOLD = 4000  # characters
_FILE_TOLD = 600  # bytes
_BUSY = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}


class Unanswered(Exception):
    """The server gave no answer, or said that it could not now."""


@dataclass
class Door:
    """One server of a house."""

    data_dir: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            headers={"x-admin-secret": SECRET}, timeout=10.0, trust_env=False
        )
    )

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

    @property
    def clock(self) -> Path:
        """By how many seconds the clock of this server is wrong."""
        return clock_of(self.data_dir, self.port)

    @property
    def outbox(self) -> Path:
        """What a reader of the outbox in this server was handed."""
        return outbox_of(self.data_dir, self.port)

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            **os.environ,
            "HEADWAY_DATA_DIR": str(self.data_dir),
            "HEADWAY_PORT": str(self.port),
            "HEADWAY_JOBS_PER_HOUR": "0",
            "HEADWAY_MIN_FREE_MB": "1",
            "HEADWAY_GRACE_S": "2",
            "HEADWAY_CPU_SLOTS": "2",
            "HEADWAY_CONTACT_LOST_AFTER_S": str(CONTACT_LOST_AFTER_S),
            "ADMIN_SECRET": SECRET,
            "PYTHONDONTWRITEBYTECODE": "",  # modules stay compiled, as those of an installed package are
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            **self.settings,
            **settings,
        }

    def spawn(self, **settings: str) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C at the terminal ends the suite and not its servers."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.programs", "serve"],
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, *, crash_at: str | None = None) -> None:
        """Start the server; healthy on return, or dead where it was told to crash."""
        self.process = self.spawn(**({"HEADWAY_CRASH_AT": crash_at} if crash_at else {}))
        eventually(lambda: self.is_healthy() or self.is_dead(), what="the server is healthy")
        assert crash_at or not self.is_dead(), self.log.read_text()[-3000:]

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)

    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def is_healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return self.client.get(f"{self.url}/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@dataclass
class House:
    """A data folder, the servers on it (most often one), and what a client and the disk know of its runs."""

    doors: list[Door]
    database_url: str | None = None  # of PostgreSQL; else it is SQLite's file
    sealed: dict[str, str] = field(default_factory=dict)  # records of runs that have ended, as they were then
    undisturbed: str | None = None  # a run of the real engine that nothing has struck
    receiver: Receiver | None = None  # of webhooks, where there is one
    hook_secret: str = ""

    @property
    def door(self) -> Door:
        return self.doors[0]

    @property
    def data_dir(self) -> Path:
        return self.door.data_dir

    # the API, as a client that does not give up
    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request to the first server that answers; Unanswered when all are away or busy."""
        why = ""
        for door in self.doors:
            try:
                answer = door.client.request(method, f"{door.url}/api/training{path}", **arguments)
            except httpx.TransportError as error:
                why = repr(error)
                continue
            if answer.status_code not in _BUSY:
                return answer
            why = answer.text
        raise Unanswered(why)

    def ask_until_answered(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.ask(method, path, **arguments)
            except Unanswered:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)

    def submit(self, key: str, seed: int, **body: Any) -> str:
        """The job of an idempotency key, however often the request must be sent, also while the disk is full."""
        request = {"symbols": ["BTC"], "features": ["price"], "seed": seed, **body}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.ask_until_answered("POST", "/jobs", json=request, headers={"Idempotency-Key": key})
            if answer.status_code == httpx.codes.ACCEPTED:
                return str(answer.json()["jobId"])
            is_full = answer.json().get("code") == "disk_full"
            assert is_full, answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(_AGAIN_S)

    def resume(self, run_id: str) -> None:
        """Resume a failed run; one that an unanswered request has resumed already is left alone."""
        answer = self.ask_until_answered("POST", f"/jobs/{run_id}/resume", json={})
        assert answer.status_code in (httpx.codes.ACCEPTED, httpx.codes.CONFLICT), answer.text

    def cancel(self, run_id: str) -> None:
        answer = self.ask_until_answered("DELETE", f"/jobs/{run_id}")
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    def hook(self, url: str) -> str:
        """Have every event sent to an address; the secret with which that is signed."""
        answer = self.door.client.post(f"{self.door.url}/api/webhooks", json={"url": url})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["secret"])

    def job(self, run_id: str) -> dict[str, Any]:
        """A run as the API shows it."""
        answer = self.ask_until_answered("GET", f"/jobs/{run_id}/status")
        found: dict[str, Any] = answer.json()["job"]
        return found

    def told_events(self, run_id: str) -> list[dict[str, Any]]:
        return parse_events(self.ask_until_answered("GET", f"/jobs/{run_id}/events").text)

    # the disk
    def run_dir(self, run_id: str) -> RunDir:
        return RunDir(self.data_dir / "runs" / run_id)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """What the database answers, read beside the server."""
        if self.database_url is not None:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                return connection.execute(statement.replace("?", "%s").encode(), values).fetchall()
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=30, isolation_level=None)) as lite:
            return lite.execute(statement, values).fetchall()

    @property
    def database(self) -> Path:
        return self.data_dir / "headway.db"

    def records(self, run_ids: list[str]) -> dict[str, dict[str, Any]]:
        """The kept records of runs by id; those that are lost are missing."""
        found = {row[0]: json.loads(row[1]) for row in self.rows("SELECT id, record FROM runs")}
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

    def record(self, run_id: str) -> dict[str, Any] | None:
        return self.records([run_id]).get(run_id)

    def tell_where(self, run_ids: list[str]) -> list[str]:
        """Where runs stand that should have come to rest, for who has to find out why they did not."""
        lines = [
            f"{door.url} answers: {door.is_healthy()}, room: {_room(door.data_dir)}" for door in self.doors
        ]
        for run_id in run_ids:
            lines.append(f"record {json.dumps(self.record(run_id))}")
            for attempt in sorted((self.run_dir(run_id).path / "attempts").glob("*")):
                lines += _tell_attempt(attempt)
        return [*lines, f"the log of the server ends: {self.door.log.read_text()[-_LOG_TOLD:]}"]


def _room(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free >> 10} KiB"


def _tell_attempt(attempt: Path) -> Iterator[str]:
    yield f"  {attempt.name}: {', '.join(f'{file.name} ({file.stat().st_size})' for file in sorted(attempt.iterdir()))}"
    for name in ("exit.json", "supervisor.json", "events.jsonl", "console.log"):
        if (attempt / name).is_file():
            yield f"    {name}: {(attempt / name).read_bytes()[-_FILE_TOLD:]!r}"
