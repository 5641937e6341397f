from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from headway.cli.exits import Exit
from tests.unit.cli.running import Skippy
from tests.unit.client.server import JOB, SECRET, FakeServer, Reply, Stream, progress

QUEUE = {"queueLength": 0, "isRunning": False}
# A parent that ignores SIGINT hands that on; the program is told to listen again.
_LISTENING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('headway.cli.skippy', run_name='__main__')"
)


@pytest.fixture(autouse=True)
def _queue(server: FakeServer) -> None:
    server.on("GET", "/queue", Reply(body=QUEUE))


def test_without_a_secret_the_exit_code_is_that_of_usage(skippy: Skippy, server: FakeServer) -> None:
    for value in ("", None):
        skippy.environment["ADMIN_SECRET"] = value
        ran = skippy.run("queue")
        assert ran.code == Exit.USAGE
        assert "ADMIN_SECRET" in ran.err
    asked = skippy.run("queue", "--json")
    assert json.loads(asked.err)["error"] == "no_secret"
    assert server.received == []


def test_the_secret_that_a_server_on_this_machine_keeps_is_found(skippy: Skippy, server: FakeServer) -> None:
    skippy.environment["ADMIN_SECRET"] = None
    (skippy.folder / "admin-secret").write_text(f"{SECRET}\n")
    assert skippy.run("queue").code == Exit.DONE
    assert server.received[0].headers["x-admin-secret"] == SECRET


def test_the_kept_secret_is_for_this_machine_alone(skippy: Skippy) -> None:
    skippy.environment |= {"ADMIN_SECRET": None, "TRAIN_API_HOST": "https://train.example"}
    (skippy.folder / "admin-secret").write_text(SECRET)
    ran = skippy.run("queue")
    assert ran.code == Exit.USAGE
    assert "https://train.example" in ran.err


def test_a_secret_that_no_header_can_carry_is_a_usage_error(skippy: Skippy) -> None:
    for secret in ("gehëim", "a\nb"):
        skippy.environment["ADMIN_SECRET"] = secret
        ran = skippy.run("queue")
        assert ran.code == Exit.USAGE
        assert secret not in ran.err


@pytest.mark.parametrize("host", ["localhost:5000", "ftp://train.example", "http://", "http://x:port"])
def test_a_host_that_is_no_address_is_a_usage_error(skippy: Skippy, host: str) -> None:
    skippy.environment["TRAIN_API_HOST"] = host
    ran = skippy.run("queue")
    assert ran.code == Exit.USAGE
    assert "TRAIN_API_HOST" in ran.err


def test_a_wrong_secret_says_what_to_set(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/queue", Reply(401, {"error": "unauthorized", "message": "unauthorized"}))
    ran = skippy.run("queue")
    assert ran.code == Exit.ERROR
    assert "Set ADMIN_SECRET" in ran.err


def test_a_server_that_does_not_answer_says_how_to_start_one(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/queue", Reply(dropped=True))
    ran = skippy.run("queue")
    assert ran.code == Exit.ERROR
    assert server.url in ran.err
    assert "headway serve" in ran.err


def test_a_retry_is_told_once(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/queue", Reply(dropped=True), Reply(502), Reply(body=QUEUE))
    ran = skippy.run("--retry-for", "30", "queue")
    assert ran.code == Exit.DONE
    assert ran.err.count("trying again") == 1


@pytest.mark.parametrize("arguments", [["nothing"], ["queue", "--what"], ["list", "--limit", "0"]])
def test_unknown_words_are_usage_errors(skippy: Skippy, arguments: list[str]) -> None:
    assert skippy.run(*arguments).code == Exit.USAGE


def test_the_help_tells_the_exit_codes(skippy: Skippy) -> None:
    ran = skippy.run("--help")
    assert ran.code == Exit.DONE
    for code in Exit:
        assert f"{code.value} " in ran.out


def test_ctrl_c_detaches_and_says_how_to_come_back(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", f"/jobs/{JOB}/events", Stream((progress(0.3),), held=True))
    environment = {**os.environ, **{name: value or "" for name, value in skippy.environment.items()}}
    with subprocess.Popen(
        [sys.executable, "-c", _LISTENING, "watch", JOB],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "[training] 30 % PPO epoch 1/4\n"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate()
    assert (program.returncode, err) == (Exit.DONE, "")
    assert f"skippy-train watch {JOB}" in out
    assert f"skippy-train cancel {JOB}" in out
    assert server.asked("DELETE", f"/jobs/{JOB}") == []
