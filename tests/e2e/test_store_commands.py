"""`headway store` beside real servers and real trainings: restored, moved and thinned out under their eyes."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Server, running_server
from tests.fakes.postgres import PostgresServer
from tests.waiting import eventually, is_alive

pytestmark = pytest.mark.slow

_STAGED = "tests.fakes.staged_server"


def _store(server: Server, *words: str | Path, **settings: str) -> str:
    """What a command says, which must succeed."""
    command = [sys.executable, "-m", "headway.cli.main", "store", *map(str, words)]
    environment = {**server.environment, **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_backup_of_a_server_at_work_is_restored_and_its_runs_go_on(tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    with running_server(tmp_path / "first", module=_STAGED, HEADWAY_CPU_SLOTS="2") as server:
        done = server.submit(notes="quick")
        server.wait_for(done, "done")
        active = server.submit(notes="until told")
        server.wait_for(active, "training")
        _store(server, "backup", "--with-files", archive)
        told = server.ask("GET", f"/jobs/{done}/results").json()

    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "second" / "data", filter="data")
    with running_server(tmp_path / "second", module=_STAGED) as server:
        _store(server, "check", "--deep")
        assert server.ask("GET", f"/jobs/{done}/results").json()["metrics"] == told["metrics"]
        server.wait_for_attempt(active, 2)
        (server.run_dir(active).path / "go").touch()
        assert server.wait_for(active, "done")["attempt"] == 2
        _store(server, "check", "--deep")


def test_a_store_moves_to_postgresql_while_a_training_lives_on(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.make_database(like="template0")
    with running_server(tmp_path, module=_STAGED, HEADWAY_LEASE_S="2") as server:
        done = server.submit(notes="quick")
        server.wait_for(done, "done")
        job_id = server.submit(notes="until told")
        server.wait_for(job_id, "training")
        record = server.supervisor_record(job_id)
        server.stop()

        _store(server, "migrate", "--to", url)

        server.environment["HEADWAY_DATABASE_URL"] = url
        server.start()
        assert is_alive(record["trainer_pid"])
        (server.run_dir(job_id).path / "go").touch()
        assert server.wait_for(job_id, "done")["attempt"] == 1
        assert server.job(done)["state"] == "done"
        _store(server, "check", "--deep")


def test_what_is_removed_beside_a_server_is_explained_by_it(tmp_path: Path) -> None:
    with running_server(tmp_path, module=_STAGED) as server:
        job_id = server.submit(notes="quick")
        server.wait_for(job_id, "done")
        before = server.events(job_id)

        _store(server, "vacuum", "--logs-older-than", "0h", "--metrics-older-than", "0h", "--apply")

        for path in (
            f"/api/training/jobs/{job_id}/logs",
            f"/runs/{job_id}/logs",
            f"/runs/{job_id}/metrics",
        ):
            answer = server.call("GET", path)
            assert answer.status_code == httpx.codes.NOT_FOUND
            assert "headway store vacuum" in answer.text
        (removed,) = server.events(job_id)[len(before) :]
        assert removed["kind"] == "data_removed"
        assert set(removed["data"]) == {"logs", "metrics"}
        _store(server, "check", "--deep")


def test_a_vacuum_that_is_killed_is_finished_by_the_next_one(tmp_path: Path) -> None:
    with running_server(tmp_path, module=_STAGED) as server:
        job_ids = [server.submit(notes="quick") for _ in range(3)]
        for job_id in job_ids:
            server.wait_for(job_id, "done")
        logs = [server.run_dir(job_id).attempt(1).console for job_id in job_ids]
        words = ["store", "vacuum", "--logs-older-than", "0h", "--apply"]

        process = subprocess.Popen(
            [sys.executable, "-m", "headway.cli.main", *words], env={**os.environ, **server.environment}
        )
        eventually(lambda: not all(log.exists() for log in logs), what="the first log is gone")
        process.kill()
        process.wait()
        _store(server, *words[1:])

        assert [log for log in logs if log.exists()] == []
        for job_id in job_ids:
            assert [event["kind"] for event in server.events(job_id)].count("data_removed") == 1
        _store(server, "check", "--deep")
