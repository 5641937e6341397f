"""A real server, real supervisors, and trainings that do what a test needs: stay in a state, misbehave, fail."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headway.wire.rundir import find_checkpoint, find_json
from tests.e2e.harness import Server, processes_of, running_server
from tests.fakes.postgres import PostgresServer
from tests.waiting import eventually, is_alive

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("headway")
    settings = {"HEADWAY_GRACE_S": "1"}
    if request.param == "postgres":
        database: PostgresServer = request.getfixturevalue("postgres")
        settings["HEADWAY_DATABASE_URL"] = database.make_database()
    with running_server(folder, module="tests.fakes.staged_server", **settings) as started:
        yield started


@pytest.mark.parametrize("state", ["preflight", "training", "evaluating"])
def test_a_job_is_cancelled_in_every_state_with_its_checkpoint_kept(server: Server, state: str) -> None:
    job_id = server.submit(notes=f"stay in {state}")
    server.wait_for(job_id, state)
    eventually(lambda: find_checkpoint(server.run_dir(job_id)), what="its checkpoint")
    trainer = server.supervisor_record(job_id)["trainer_pid"]

    server.cancel(job_id)

    job = server.wait_for(job_id, "cancelled")
    assert not is_alive(trainer)
    assert job["progress"] < 1.0
    assert job["metrics"] is None
    kinds = [event["kind"] for event in server.events(job_id)]
    assert kinds[-1] == "run_ended"
    assert {"cancel_requested", "checkpoint_saved"} <= set(kinds)


@pytest.mark.parametrize("behaviour", ["deaf", "double-forking"])
def test_what_does_not_listen_is_dead_when_the_job_is_cancelled(server: Server, behaviour: str) -> None:
    job_id = server.submit(notes=behaviour)
    server.wait_for(job_id, "training")
    pids = [server.supervisor_record(job_id)["trainer_pid"]]
    left = server.run_dir(job_id).path / "grandchild"
    if behaviour == "double-forking":
        pids.append(int(left.read_text()))
    assert all(is_alive(pid) for pid in pids)

    server.cancel(job_id)

    server.wait_for(job_id, "cancelled")
    assert not any(is_alive(pid) for pid in pids)


def test_a_killed_supervisor_of_a_double_forking_training_leaves_nothing_behind(server: Server) -> None:
    job_id = server.submit(notes="double-forking")
    server.wait_for(job_id, "training")
    record = server.supervisor_record(job_id)
    pids = [record["trainer_pid"], int((server.run_dir(job_id).path / "grandchild").read_text())]

    server.signal_supervisor(job_id)

    second = server.wait_for_attempt(job_id, 2)
    assert not any(is_alive(pid) for pid in pids)
    assert second["state"] in ("queued", "preflight", "training")
    server.cancel(job_id)
    server.wait_for(job_id, "cancelled")


@pytest.mark.parametrize(
    ("behaviour", "reason", "error"),
    [
        ("diverge", "diverged", "the loss is nan after 12 steps"),
        ("no data", "data_unavailable", "row 7: close is -1"),
        ("no memory", "out_of_memory", "400 GiB"),
        ("disk full", "disk_full", "No space left"),
        ("bug", "trainer_error", "ZeroDivisionError: division by zero"),
        ("silent", "trainer_error", "ended without a result"),
    ],
)
def test_a_failure_is_named_for_what_it_is(server: Server, behaviour: str, reason: str, error: str) -> None:
    job_id = server.submit(notes=behaviour)

    job = server.wait_for(job_id, "failed")

    assert job["reason"] == reason
    assert error in job["error"]
    assert job["reasonText"]
    assert job["remedy"]
    results = server.ask("GET", f"/jobs/{job_id}/results")
    assert (results.status_code, results.json()["metrics"]) == (200, None)


def test_garbage_in_the_log_is_noted_and_what_follows_it_is_read(server: Server) -> None:
    job_id = server.submit(notes="garbage")

    job = server.wait_for(job_id, "done")

    assert job["simulated"] is True
    assert job["dataLabel"] == "made by a test"
    notes = [event["data"]["text"] for event in server.events(job_id) if event["kind"] == "note_logged"]
    assert len([text for text in notes if "passed over in the log" in text]) == 3


def test_a_session_holds_its_request_until_the_end(server: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.ask, "POST", "/real-session", json={"duration": 0.1})
        answer = asked.result()

    body = answer.json()
    assert answer.status_code == 500  # it names no behaviour: the engine fails, and the answer says so
    assert body["success"] is False
    assert "KeyError" in body["error"]
    assert body["job"]["state"] == "failed"


def test_queued_jobs_keep_their_order_and_all_end(server: Server) -> None:
    first = server.submit(notes="stay in training")
    server.wait_for(first, "training")
    waiting = [server.submit(notes="quick") for _ in range(20)]
    assert [server.job(job_id)["queuePosition"] for job_id in waiting] == list(range(20))

    server.cancel(first)

    ended = [server.wait_for(job_id, "done")["startedAt"] for job_id in waiting]
    assert ended == sorted(ended)


def test_nothing_is_left_of_all_of_them(server: Server) -> None:
    eventually(lambda: not processes_of(server.data_dir), what="nothing is alive")
    for folder in (server.data_dir / "runs").iterdir():
        attempt = max((folder / "attempts").iterdir())
        assert find_json(Path(attempt) / "exit.json") is not None
