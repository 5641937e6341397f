"""The secret opens everything, so it stands nowhere: not in files, not in logs, not in what other processes can see."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Server, processes_of, running_server
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

_JOBS = "/api/training/jobs"
_TRAINING = {"symbols": ["BTC"], "features": ["price"], "seed": 11, "notes": "until told"}


def _secrets_below(folder: Path, secret: str) -> list[str]:
    """Files that hold the secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(
        path.relative_to(folder).as_posix() for path in files if secret.encode() in path.read_bytes()
    )


def _ask_well_and_badly(server: Server, secret: str) -> str:
    """Requests that succeed and that fail, with the secret wherever a caller may put it; the id of a training."""
    with httpx.Client(base_url=server.url, headers={"x-admin-secret": secret}, timeout=PATIENCE_S) as client:
        job_id = str(client.post(_JOBS, json=_TRAINING).json()["jobId"])
        refused = [
            client.post(_JOBS, content="{broken"),
            client.post(_JOBS, json={"steps": -1}),
            client.get(f"{_JOBS}/tr_1700000000000_00000000/status"),
            client.get(f"{_JOBS}/{job_id}/results"),
            client.get(_JOBS, headers={"host": "evil.example"}),
            client.get(_JOBS, headers={"origin": "http://evil.example"}),
            client.get(_JOBS, headers={"x-admin-secret": f"{secret}x"}),
            client.post(_JOBS, content="x" * (1 << 17)),
            client.get(f"{_JOBS}?x={'y' * 5000}"),
            client.get("/nothing", headers={"authorization": f"Bearer {secret}"}),
        ]
        good = [client.get(path) for path in (_JOBS, "/api/training/queue", "/metrics", "/health")]
        assert [answer.status_code for answer in good] == [200] * len(good)
        assert [answer.status_code for answer in refused] == [
            400,
            400,
            404,
            409,
            400,
            403,
            401,
            413,
            414,
            404,
        ]
        assert [answer.url for answer in refused + good if secret in answer.text] == []
    return job_id


def _say_garbage(server: Server, secret: str) -> None:
    """What is no HTTP, with the secret in it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nx-admin-secret: {secret}\r\n\x00 broken\r\n\r\n".encode())
        assert secret.encode() not in connection.recv(4096)


def _shows(pid: int, secret: str) -> bool:
    """Whether the secret stands in what a process shows of itself."""
    folder = Path(f"/proc/{pid}")
    shown = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
    assert shown, f"process {pid} is gone"
    return secret.encode() in shown


def _look_at(server: Server, job_id: str) -> list[int]:
    """The processes of a training that is under way."""
    record = server.supervisor_record(job_id)
    pids = processes_of(server.data_dir)
    assert {record["pid"], record["trainer_pid"]} <= set(pids)
    return pids


def _end(server: Server, job_id: str, secret: str) -> None:
    (server.run_dir(job_id).path / "go").touch()
    with httpx.Client(base_url=server.url, headers={"x-admin-secret": secret}) as client:
        path = f"{_JOBS}/{job_id}/status"
        eventually(lambda: client.get(path).json()["job"]["state"] == "done", what="the end")
    assert server.stop() == 0


def _move_into_folder(server: Server, secret: str) -> None:
    assert server.stop() == 0
    del server.environment["ADMIN_SECRET"]
    (server.data_dir / "admin-secret").write_text(f"{secret}\n")
    server.start()


@pytest.mark.parametrize("source", ["the environment", "the data folder"])
def test_the_secret_is_in_no_file_no_log_and_no_process_but_the_server(tmp_path: Path, source: str) -> None:
    secret = secrets.token_urlsafe(24)
    settings = {"ADMIN_SECRET": secret, "HEADWAY_LOG_LEVEL": "DEBUG"}
    with running_server(tmp_path, module="tests.fakes.staged_server", **settings) as server:
        if source == "the data folder":
            _move_into_folder(server, secret)
        job_id = _ask_well_and_badly(server, secret)
        _say_garbage(server, secret)
        pids = _look_at(server, job_id)
        assert [pid for pid in pids if _shows(pid, secret)] == []
        assert _shows(server.pid, secret) is (source == "the environment")
        _end(server, job_id, secret)

    assert _secrets_below(server.data_dir, secret) == (
        ["admin-secret"] if source == "the data folder" else []
    )
    assert (server.data_dir / "server.log").stat().st_size > 0
