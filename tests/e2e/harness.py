"""A real server with real supervisors and real trainings, for tests that kill them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from headway.wire.rundir import RunDir, find_json
from tests.fakes.candles import write_candles
from tests.waiting import PATIENCE_S, eventually, is_alive

SECRET = "a-secret-for-tests-only"
_ROOT = str(Path(__file__).parents[2])  # trainings of tests are programs of tests
_HEADERS = {"x-admin-secret": SECRET}
# One for all tests, which ask again and again while they wait: to make one reads certificates for 20 ms. It keeps no
# connection, since the server at the other end may have been killed.
CLIENT = httpx.Client(
    trust_env=False, verify=False, timeout=PATIENCE_S, limits=httpx.Limits(max_keepalive_connections=0)
)


@dataclass
class Server:
    """One data folder and the server on it, which may be killed and started again."""

    data_dir: Path
    port: int
    environment: dict[str, str]
    module: str = "headway.cli.main"
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        log = (self.data_dir / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "serve"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        eventually(self._is_healthy, what="the server is healthy")

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def _is_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.data_dir / "server.log").read_text()[-3000:]
        try:
            return CLIENT.get(f"{self.url}/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    # the API
    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request with the secret, to any path."""
        headers = {**_HEADERS, **arguments.pop("headers", {})}
        return CLIENT.request(method, f"{self.url}{path}", headers=headers, **arguments)

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request about jobs."""
        return self.call(method, f"/api/training{path}", **arguments)

    def submit(self, **body: Any) -> str:
        request = {"symbols": ["BTC"], "features": ["price"], "seed": 11, **body}
        answer = self.ask("POST", "/jobs", json=request)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/jobs/{job_id}/status")
        assert answer.status_code == httpx.codes.OK, answer.text
        found: dict[str, Any] = answer.json()["job"]
        return found

    def cancel(self, job_id: str) -> httpx.Response:
        return self.ask("DELETE", f"/jobs/{job_id}")

    def wait_for(self, job_id: str, *states: str) -> dict[str, Any]:
        """The job once it is in one of the states; fails early when it has ended in another."""

        def probe() -> dict[str, Any] | None:
            job = self.job(job_id)
            if job["state"] in states:
                return job
            assert job["state"] not in ("done", "failed", "cancelled"), self.describe(job)
            return None

        return eventually(probe, what=f"{job_id} becomes {' or '.join(states)}")

    def wait_for_steps(self, job_id: str, steps: int) -> dict[str, Any]:
        """The job once its training has reached so many steps."""

        def probe() -> dict[str, Any] | None:
            job = self.job(job_id)
            assert job["state"] not in ("done", "failed", "cancelled"), self.describe(job)
            return job if job["state"] == "training" and (job["step"] or 0) >= steps else None

        return eventually(probe, what=f"{job_id} reaches {steps} steps")

    def wait_for_attempt(self, job_id: str, attempt: int) -> dict[str, Any]:
        """The job once it has come to an attempt."""

        def probe() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["attempt"] >= attempt else None

        return eventually(probe, what=f"attempt {attempt} of {job_id}")

    def events(self, job_id: str) -> list[dict[str, Any]]:
        """All kept events of an ended job, as a follower gets them."""
        answer = self.ask("GET", f"/jobs/{job_id}/events")
        return parse_events(answer.text)

    def describe(self, job: dict[str, Any]) -> str:
        console = self.run_dir(job["jobId"]).attempt(max(job["attempt"], 1)).console
        log = console.read_text()[-2000:] if console.exists() else "(no console)"
        return f"{job['jobId']} is {job['state']} ({job['reason']}): {job['error']}\n{log}"

    # the processes
    def run_dir(self, job_id: str) -> RunDir:
        return RunDir(self.data_dir / "runs" / job_id)

    def supervisor_record(self, job_id: str, attempt: int = 1) -> dict[str, Any]:
        """`supervisor.json` once it names the training process."""

        def probe() -> dict[str, Any] | None:
            record = find_json(self.run_dir(job_id).attempt(attempt).supervisor)
            return record if record and record.get("trainer_pid") else None

        return eventually(probe, what=f"the supervisor of {job_id} has a trainer")

    def signal_supervisor(self, job_id: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.supervisor_record(job_id)["pid"], number)

    def fork_server_pid(self) -> int:
        return eventually(lambda: _child_running(self.pid, "headway.engines.warm"), what="a fork server")


def parse_events(stream: str) -> list[dict[str, Any]]:
    """The kept events of a Server-Sent Events stream: those with an id."""
    import json

    found = []
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if "id" in fields:
            found.append(json.loads(fields["data"]))
    return found


@contextmanager
def running_server(folder: Path, *, module: str = "headway.cli.main", **settings: str) -> Iterator[Server]:
    """A started server on a folder; whatever runs on it is dead afterwards."""
    data_dir = folder / "data"
    write_candles(data_dir / "candles" / "BTCUSDT_1h.csv", bars=3000, seed=3)
    port = free_port()
    environment = {
        **os.environ,
        "HEADWAY_DATA_DIR": str(data_dir),
        "HEADWAY_PORT": str(port),
        "HEADWAY_JOBS_PER_HOUR": "0",
        "HEADWAY_MIN_FREE_MB": "1",
        "HEADWAY_GRACE_S": "2",
        "ADMIN_SECRET": SECRET,
        "PYTHONDONTWRITEBYTECODE": "",  # modules stay compiled, as those of an installed package are
        "PYTHONPATH": os.pathsep.join((_ROOT, os.environ.get("PYTHONPATH", ""))),
        **settings,
    }
    server = Server(data_dir, port, environment, module)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        _kill_all_below(data_dir)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(data_dir: Path) -> list[int]:
    """Processes that belong to runs of a data folder, by their command line, environment or working folder."""
    mark = str(data_dir / "runs").encode()
    return [pid for pid in _pids() if pid != os.getpid() and mark in _traces(pid)]


def _kill_all_below(data_dir: Path) -> None:
    for pid in processes_of(data_dir):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    eventually(lambda: not processes_of(data_dir), what="nothing of the runs is alive")


def _child_running(parent: int, word: str) -> int | None:
    for pid in _pids():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == parent and word.encode() in command:
            return pid
    return None


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _traces(pid: int) -> bytes:
    folder = Path(f"/proc/{pid}")
    try:
        found = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        return found + bytes((folder / "cwd").readlink()) if is_alive(pid) else b""
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
