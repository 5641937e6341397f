"""A whole run through the real service: submit, follow, results, and the files it leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.wire.rundir import find_json, hash_file
from tests.e2e.harness import Server, processes_of, running_server
from tests.waiting import PATIENCE_S, eventually, is_alive

pytestmark = pytest.mark.slow

_SMALL = 60_000
_ENDLESS = 500_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("headway")) as started:
        yield started


def test_a_submitted_job_trains_and_leaves_results_manifest_and_report(server: Server) -> None:
    job_id = server.submit(steps=_SMALL)
    assert re.fullmatch(r"tr_[0-9]{13}_[0-9a-f]{8}", job_id)
    assert server.ask("GET", f"/jobs/{job_id}/results").status_code == 409

    job = server.wait_for(job_id, "done")

    assert job["progress"] == 1.0
    assert job["reason"] == "completed"
    results = server.ask("GET", f"/jobs/{job_id}/results").json()
    low, high = results["metrics"]["ciSharpe95"]
    assert low <= results["metrics"]["sharpe"] <= high
    assert results["metrics"]["generation"] >= 1
    for path in (results["manifestPath"], *results["artifacts"].values()):
        assert Path(path).is_file()
    manifest = find_json(Path(results["manifestPath"]))
    assert manifest is not None
    assert manifest["seed"] == 11
    candles = server.data_dir / "candles" / "BTCUSDT_1h.csv"
    assert manifest["data"][0]["sha256"] == hash_file(candles)


def test_the_events_of_a_run_have_no_gap_and_tell_its_states_in_order(server: Server) -> None:
    job_id = server.submit(steps=_SMALL)
    server.wait_for(job_id, "done")

    events = server.events(job_id)

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    order = ["run_queued", "run_claimed", "training_started", "evaluation_started", "run_ended"]
    assert [kind for kind in kinds if kind in order] == order


def test_the_same_seed_gives_the_same_numbers(server: Server) -> None:
    first, second = (server.submit(steps=_SMALL, seed=5, version="twice") for _ in range(2))

    numbers = [_numbers(server, job_id) for job_id in (first, second)]

    assert numbers[0] == numbers[1]


def test_a_cancelled_and_resumed_run_ends_with_the_numbers_of_one_left_alone(server: Server) -> None:
    steps = 400_000
    straight = server.submit(steps=steps, seed=21, version="straight")
    expected = _numbers(server, straight)
    job_id = server.submit(steps=steps, seed=21, version="resumed")
    server.wait_for_steps(job_id, 60_000)
    server.cancel(job_id)
    server.wait_for(job_id, "cancelled")

    assert server.ask("POST", f"/jobs/{job_id}/resume", json={}).status_code == 202
    found = _numbers(server, job_id)

    assert found == expected
    job = server.job(job_id)
    assert job["attempt"] == 2
    resumed = [event for event in server.events(job_id) if event["kind"] == "run_resumed"]
    assert resumed[0]["data"]["checkpoint"]


def test_a_synchronous_session_answers_with_the_whole_job_once_it_is_done(server: Server) -> None:
    answer = server.ask(
        "POST", "/real-session", json={"duration": 0.1, "steps": 20_000, "features": ["price"]}
    )

    body = answer.json()
    assert (answer.status_code, body["success"]) == (200, True)
    assert body["metrics"]["sharpe"] == body["job"]["metrics"]["sharpe"]
    assert body["generation"] >= 1
    assert Path(body["artifacts"]["modelPath"]).is_file()


def test_a_queued_job_is_cancelled_at_once_and_never_starts(server: Server) -> None:
    running = server.submit(steps=_ENDLESS, durationHours=1)
    server.wait_for(running, "training")
    waiting = server.submit(steps=_SMALL)
    assert server.job(waiting)["queuePosition"] == 0

    assert server.cancel(waiting).status_code == 202

    assert server.job(waiting)["state"] == "cancelled"
    assert not server.run_dir(waiting).path.exists()
    server.cancel(running)
    server.wait_for(running, "cancelled")


def test_a_training_job_is_cancelled_once_nothing_of_it_is_alive(server: Server) -> None:
    job_id = server.submit(steps=_ENDLESS, durationHours=1)
    server.wait_for_steps(job_id, 10_000)
    record = server.supervisor_record(job_id)

    answer = server.cancel(job_id)
    again = server.cancel(job_id)

    assert (answer.status_code, again.status_code) == (202, 202)
    job = server.wait_for(job_id, "cancelled")
    assert not is_alive(record["trainer_pid"])
    exit_record = find_json(server.run_dir(job_id).attempt(1).exit)
    assert exit_record is not None
    assert exit_record["verb"] == "cancel"
    assert job["reason"] == "cancelled_by_user"
    assert server.cancel(job_id).status_code == 409


def test_a_killed_trainer_fails_the_run_with_what_killed_it_and_it_can_be_resumed(server: Server) -> None:
    job_id = server.submit(steps=300_000, seed=31, version="killed")
    server.wait_for_steps(job_id, 20_000)

    os.kill(server.supervisor_record(job_id)["trainer_pid"], signal.SIGKILL)

    job = server.wait_for(job_id, "failed")
    assert job["reason"] == "trainer_error"
    assert "signal 9" in job["error"]
    server.ask("POST", f"/jobs/{job_id}/resume", json={})
    straight = server.submit(steps=300_000, seed=31, version="straight")
    assert _numbers(server, job_id) == _numbers(server, straight)


def test_a_killed_supervisor_takes_its_trainer_along_and_the_run_goes_on_by_itself(server: Server) -> None:
    job_id = server.submit(steps=300_000, seed=31, version="orphan")
    server.wait_for_steps(job_id, 20_000)
    record = server.supervisor_record(job_id)

    os.kill(record["pid"], signal.SIGKILL)

    eventually(lambda: not is_alive(record["trainer_pid"]), what="the trainer dies with its supervisor")
    job = server.wait_for(job_id, "done")
    assert job["attempt"] == 2
    ended = [event for event in server.events(job_id) if event["kind"] == "attempt_ended"]
    assert [event["data"]["reason"] for event in ended] == ["supervisor_lost"]


def test_a_killed_fork_server_harms_no_run_and_the_next_one_starts(server: Server) -> None:
    running = server.submit(steps=300_000)
    server.wait_for_steps(running, 10_000)

    os.kill(server.fork_server_pid(), signal.SIGKILL)
    following = server.submit(steps=_SMALL)

    assert server.wait_for(running, "done")["attempt"] == 1
    assert server.wait_for(following, "done")["attempt"] == 1


def test_a_second_server_on_the_same_folder_refuses_and_says_why(server: Server) -> None:
    environment = {**server.environment, "HEADWAY_PORT": "0"}

    second = subprocess.run(
        [sys.executable, "-m", "headway.cli.main", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert second.returncode == 2
    assert "another server" in second.stderr
    assert str(server.pid) in second.stderr


def test_no_process_is_left_when_all_runs_have_ended(server: Server) -> None:
    job_id = server.submit(steps=_SMALL)
    server.wait_for(job_id, "done")

    eventually(lambda: not processes_of(server.data_dir), what="nothing is left")


def _numbers(server: Server, job_id: str) -> dict[str, object]:
    """The headline numbers of a run, but for those that depend on when it ran or what ran before."""
    server.wait_for(job_id, "done")
    found = find_json(server.run_dir(job_id).result)
    assert found is not None
    apart = {"steps_per_s", "generation", "improvement_percent"}
    return {name: value for name, value in found["metrics"].items() if name not in apart}
