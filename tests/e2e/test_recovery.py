"""The server is killed and comes back: nothing is lost, nothing is trained twice, and the state shown is right."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from headway.wire.rundir import find_json
from tests.e2e.harness import running_server
from tests.waiting import eventually, is_alive

pytestmark = pytest.mark.slow


def test_a_killed_server_leaves_the_training_alone_and_adopts_it_again(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(steps=300_000)
        server.wait_for_steps(job_id, 20_000)
        record = server.supervisor_record(job_id)

        server.kill()
        assert is_alive(record["trainer_pid"])
        server.start()

        job = server.wait_for(job_id, "done")
        assert job["attempt"] == 1
        assert server.supervisor_record(job_id) == record
        events = server.events(job_id)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_a_run_that_ended_while_the_server_was_dead_is_closed_from_its_files(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(steps=100_000)
        server.wait_for(job_id, "training")
        server.kill()
        eventually(
            lambda: find_json(server.run_dir(job_id).attempt(1).exit), what="the training ends by itself"
        )

        server.start()

        job = server.wait_for(job_id, "done")
        assert job["attempt"] == 1
        assert job["metrics"]["sharpe"] is not None


def test_runs_that_waited_when_the_server_was_killed_wait_and_run_afterwards(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        first = server.submit(steps=500_000_000, durationHours=1)
        server.wait_for(first, "training")
        waiting = [server.submit(steps=10_000) for _ in range(2)]

        server.kill()
        server.start()

        assert [server.job(job_id)["queuePosition"] for job_id in waiting] == [0, 1]
        server.cancel(first)
        for job_id in waiting:
            assert server.wait_for(job_id, "done")["attempt"] == 1


def test_server_and_supervisor_killed_together_the_run_goes_on_after_the_restart(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(steps=100_000)
        server.wait_for_steps(job_id, 10_000)
        record = server.supervisor_record(job_id)

        server.kill()
        os.kill(record["pid"], signal.SIGKILL)
        server.start()

        assert server.wait_for(job_id, "done")["attempt"] == 2


def test_a_cancel_that_the_server_could_not_pass_on_is_passed_on_after_the_restart(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(steps=500_000_000, durationHours=1)
        server.wait_for_steps(job_id, 10_000)
        record = server.supervisor_record(job_id)
        os.kill(record["pid"], signal.SIGSTOP)
        server.cancel(job_id)
        server.kill()
        (server.run_dir(job_id).attempt(1).cancel).unlink()

        server.start()
        os.kill(record["pid"], signal.SIGCONT)

        assert server.wait_for(job_id, "cancelled")["reason"] == "cancelled_by_user"
        assert not is_alive(record["trainer_pid"])


def test_a_stopped_supervisor_is_shown_as_contact_lost_and_heals(tmp_path: Path) -> None:
    with running_server(tmp_path, HEADWAY_CONTACT_LOST_AFTER_S="2") as server:
        job_id = server.submit(steps=500_000_000, durationHours=1)
        server.wait_for_steps(job_id, 10_000)
        record = server.supervisor_record(job_id)

        os.kill(record["pid"], signal.SIGSTOP)
        eventually(
            lambda: (server.job(job_id)["contact"] or {}).get("state") == "lost", what="contact is lost"
        )
        assert server.job(job_id)["state"] == "training"

        os.kill(record["pid"], signal.SIGCONT)
        eventually(lambda: (server.job(job_id)["contact"] or {}).get("state") == "live", what="contact heals")
        server.cancel(job_id)
        server.wait_for(job_id, "cancelled")


def test_the_server_ends_in_order_on_sigterm_and_the_training_goes_on(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        job_id = server.submit(steps=500_000_000, durationHours=1)
        server.wait_for_steps(job_id, 10_000)
        record = server.supervisor_record(job_id)

        assert server.stop() == 0

        assert is_alive(record["trainer_pid"])
        server.start()
        server.cancel(job_id)
        assert server.wait_for(job_id, "cancelled")["attempt"] == 1
