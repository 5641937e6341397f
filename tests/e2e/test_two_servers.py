"""Two servers on one PostgreSQL database and one data folder: nothing runs twice, and one takes over from the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headway.ports import Store
from headway.store.opening import open_store
from tests.e2e.harness import Server, free_port, processes_of, running_server
from tests.fakes.postgres import PostgresServer
from tests.waiting import eventually

pytestmark = pytest.mark.slow

_LEASE_S = 4  # a server that a busy machine holds up for a second keeps its runs
_STAGED = "tests.fakes.staged_server"


@dataclass(frozen=True)
class Pair:
    """The servers and their database."""

    first: Server
    second: Server
    url: str

    def history(self) -> list[tuple[int, str, int, str]]:
        """Position, run, number and kind of every event."""
        with closing(open_store(self.url)) as store:
            events = store.read(lambda tx: tx.events_after(0, 10_000))
        return [(event.position, event.run_id, event.seq, event.kind.value) for event in events]


@pytest.fixture
def pair(tmp_path: Path, postgres: PostgresServer) -> Iterator[Pair]:
    """Two servers; the second does not run yet."""
    url = postgres.make_database()
    settings = {"HEADWAY_DATABASE_URL": url, "HEADWAY_LEASE_S": str(_LEASE_S), "HEADWAY_CPU_SLOTS": "2"}
    with running_server(tmp_path, module=_STAGED, **settings) as first, _beside(first) as second:
        yield Pair(first, second, url)


@contextmanager
def _beside(first: Server) -> Iterator[Server]:
    port = free_port()
    second = Server(
        first.data_dir, port, {**first.environment, "HEADWAY_PORT": str(port)}, module=first.module
    )
    yield second
    if second.process is not None and second.process.poll() is None:
        second.kill()


def _begin(server: Server) -> tuple[str, dict[str, Any]]:
    """A job that trains until it is told to end; its id and its supervisor."""
    job_id = server.submit(notes="until told")
    server.wait_for(job_id, "training")
    return job_id, server.supervisor_record(job_id)


def _tell_to_end(server: Server, job_id: str) -> None:
    (server.run_dir(job_id).path / "go").touch()


def _lease(store: Store, job_id: str) -> tuple[str, datetime]:
    found = store.read(lambda tx: tx.find_lease(job_id))
    assert found is not None
    return found


def _require_whole(history: list[tuple[int, str, int, str]]) -> None:
    """Positions without a gap, and within each run numbers without a gap and one claim."""
    assert [position for position, *_ in history] == list(range(1, len(history) + 1))
    for run_id in {run_id for _, run_id, _, _ in history}:
        own = [(seq, kind) for _, found, seq, kind in history if found == run_id]
        assert [seq for seq, _ in own] == list(range(1, len(own) + 1))
        assert [kind for _, kind in own].count("run_claimed") == 1
        assert [kind for _, kind in own].count("run_ended") == 1


def test_when_one_server_is_killed_the_other_follows_its_run_to_the_end(pair: Pair) -> None:
    job_id, record = _begin(pair.first)
    pair.second.start()
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(pair.second.events, job_id)

        pair.first.kill()
        _tell_to_end(pair.second, job_id)

        job = pair.second.wait_for(job_id, "done")
        assert [event["kind"] for event in followed.result()][-1] == "run_ended"
    assert job["attempt"] == 1
    assert pair.second.supervisor_record(job_id) == record
    _require_whole(pair.history())


def test_a_supervisor_killed_together_with_its_server_is_made_up_for_by_the_other(pair: Pair) -> None:
    job_id, record = _begin(pair.first)
    pair.second.start()

    pair.first.kill()
    os.kill(record["pid"], signal.SIGKILL)
    pair.second.wait_for_attempt(job_id, 2)
    _tell_to_end(pair.second, job_id)

    assert pair.second.wait_for(job_id, "done")["attempt"] == 2


def test_a_stopped_server_is_replaced_and_changes_nothing_when_it_wakes(pair: Pair) -> None:
    job_id, record = _begin(pair.first)
    pair.second.start()

    os.kill(pair.first.pid, signal.SIGSTOP)
    _tell_to_end(pair.second, job_id)
    pair.second.wait_for(job_id, "done")
    before = pair.history()
    os.kill(pair.first.pid, signal.SIGCONT)

    eventually(lambda: pair.first.job(job_id)["state"] == "done", what="the woken server knows the end")
    assert pair.first.events(job_id) == pair.second.events(job_id)
    after = pair.first.submit(notes="quick")
    pair.first.wait_for(after, "done")
    assert pair.history()[: len(before)] == before
    assert pair.second.supervisor_record(job_id) == record
    _require_whole(pair.history())


def test_a_live_server_keeps_its_runs_when_another_starts(pair: Pair) -> None:
    job_id, _ = _begin(pair.first)
    with closing(open_store(pair.url)) as store:
        holder, until = _lease(store, job_id)
        pair.second.start()
        eventually(lambda: _lease(store, job_id)[1] > until, what="the lease is renewed")
        assert _lease(store, job_id)[0] == holder

    _tell_to_end(pair.second, job_id)
    pair.second.wait_for(job_id, "done")


def test_a_server_that_ends_in_order_hands_its_runs_over_at_once(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    settings = {"HEADWAY_DATABASE_URL": postgres.make_database(), "HEADWAY_LEASE_S": "3600"}
    with running_server(tmp_path, module=_STAGED, **settings) as first, _beside(first) as second:
        job_id, _ = _begin(first)
        second.start()

        assert first.stop() == 0
        _tell_to_end(second, job_id)

        assert second.wait_for(job_id, "done")["attempt"] == 1


def test_a_database_that_ends_all_connections_costs_no_run(pair: Pair, postgres: PostgresServer) -> None:
    job_id, record = _begin(pair.first)
    pair.second.start()

    for _ in range(3):
        assert postgres.cut_off(pair.url) > 0
        pair.second.wait_for(job_id, "training")
    _tell_to_end(pair.first, job_id)

    assert pair.second.wait_for(job_id, "done")["attempt"] == 1
    assert pair.first.wait_for(job_id, "done")["attempt"] == 1
    assert pair.first.supervisor_record(job_id) == record
    _require_whole(pair.history())


def test_a_server_with_another_data_folder_is_refused(pair: Pair, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    environment = {**pair.second.environment, "HEADWAY_DATA_DIR": str(elsewhere)}
    command = [sys.executable, "-m", pair.second.module, "serve"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert refused.returncode != 0
    assert "HEADWAY_DATA_DIR" in refused.stderr


def test_what_both_accept_runs_once_each(pair: Pair) -> None:
    pair.second.start()
    servers = (pair.first, pair.second)
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda number: servers[number % 2].submit(notes="quick"), range(24)))

    for job_id in jobs:
        assert pair.first.wait_for(job_id, "done")["attempt"] == 1
        assert len(list((pair.first.run_dir(job_id).path / "attempts").iterdir())) == 1
    history = pair.history()
    assert {run_id for _, run_id, _, _ in history} == set(jobs)
    _require_whole(history)
    eventually(lambda: not processes_of(pair.first.data_dir), what="nothing is alive")


def test_the_same_request_to_both_servers_makes_one_run(pair: Pair) -> None:
    pair.second.start()
    body = {"symbols": ["BTC"], "features": ["price"], "seed": 11, "notes": "quick"}

    def ask(number: int) -> str:
        server = (pair.first, pair.second)[number % 2]
        answer = server.ask("POST", "/jobs", headers={"Idempotency-Key": f"key-{number // 4}"}, json=body)
        return str(answer.json()["jobId"])

    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(ask, range(16)))

    assert [len(set(jobs[at : at + 4])) for at in range(0, 16, 4)] == [1, 1, 1, 1]
    for job_id in set(jobs):
        pair.second.wait_for(job_id, "done")
    _require_whole(pair.history())
