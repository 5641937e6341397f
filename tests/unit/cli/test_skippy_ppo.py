from __future__ import annotations

import json

import pytest

from headway.cli.exits import Exit
from headway.wire.jobs import TrainingRequest
from tests.unit.cli.running import ACCEPTED, METRICS, Skippy
from tests.unit.client.server import JOB, FakeServer, Reply, Stream, end, job, kept, progress


def sent(server: FakeServer) -> dict[str, object]:
    found: dict[str, object] = json.loads(server.asked("POST", "/jobs")[0].body)
    TrainingRequest.model_validate(found)
    return found


def test_a_job_is_submitted_watched_and_its_results_are_shown(skippy: Skippy) -> None:
    skippy.prepare_end("done", "completed")
    ran = skippy.run("ppo", "--symbols", "BTC, ETH", "--steps", "400000", "--seed", "7")
    assert ran.code == Exit.DONE
    lines = ran.out.splitlines()
    assert lines[0] == f"Job accepted: {JOB}"
    assert lines[2:4] == ["[training] 20 % PPO epoch 1/4", "[training] 60 % PPO epoch 3/4"]
    for text in ("1.23", "0.40 to 2.10", "12.3 %", "8.1 %", "55.0 %", "1,234", "-0.20 to 1.80", "No proven"):
        assert text in ran.out
    assert "report    /runs/report.html" in lines
    assert "metrics   —" in lines
    assert "manifest  /runs/m.json" in lines
    assert ran.err == ""


def test_given_steps_the_hours_are_left_to_the_server(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    skippy.run("ppo", "--steps", "5000", "--detach")
    request = sent(server)
    assert request["steps"] == 5000
    assert "durationHours" not in request
    assert "seed" not in request


def test_given_hours_alone_no_steps_are_sent(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    skippy.run("ppo", "--duration", "2", "--detach")
    request = sent(server)
    assert request["durationHours"] == 2.0
    assert "steps" not in request


def test_given_neither_a_million_steps_are_asked_for(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    skippy.run("ppo", "--detach")
    assert sent(server)["steps"] == 1_000_000


def test_every_flag_reaches_the_server(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    flags = "--steps 10 --symbols BTC,ETH --seed 3 --version 2.0 --features price,volume --max-duration 6"
    more = (
        "--max-cost 4 --duration 1 --skip-validation --timeframe 1d --fee-bps 1 --slippage-bps 0 --long-only"
    )
    rest = ["--notes", "a note", "--priority", "-3", "--idempotency-key", "mine", "--detach"]
    ran = skippy.run("ppo", *flags.split(), *more.split(), *rest)
    assert ran.code == Exit.DONE
    assert sent(server) == {
        "steps": 10,
        "symbols": ["BTC", "ETH"],
        "seed": 3,
        "version": "2.0",
        "features": ["price", "volume"],
        "maxDurationHours": 6.0,
        "maxCostUsd": 4.0,
        "durationHours": 1.0,
        "skipValidation": True,
        "timeframe": "1d",
        "feeBps": 1.0,
        "slippageBps": 0.0,
        "allowShort": False,
        "notes": "a note",
        "priority": -3,
    }
    assert server.asked("POST", "/jobs")[0].headers["idempotency-key"] == "mine"


def test_one_invocation_has_one_random_key_for_all_its_tries(skippy: Skippy, server: FakeServer) -> None:
    server.on("POST", "/jobs", Reply(dropped=True), Reply(503), Reply(202, ACCEPTED))
    assert skippy.run("--retry-for", "30", "ppo", "--detach").code == Exit.DONE
    server.on("POST", "/jobs", Reply(202, ACCEPTED))
    skippy.run("ppo", "--detach")
    keys = [one.headers["idempotency-key"] for one in server.asked("POST", "/jobs")]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_a_refused_job_names_field_bound_and_remedy(skippy: Skippy, server: FakeServer) -> None:
    refusal = {
        "error": "invalid_input",
        "message": "DOGE is not allowed",
        "field": "symbols",
        "value": "DOGE",
        "bound": "the allow-list is BTC, ETH",
        "remedy": "Add it to HEADWAY_SYMBOLS to allow it",
    }
    server.on("POST", "/jobs", Reply(400, refusal))
    ran = skippy.run("ppo", "--symbols", "DOGE")
    assert (ran.code, ran.out) == (Exit.REFUSED, "")
    for text in ("DOGE is not allowed", "symbols", "the allow-list is BTC, ETH", "Add it to HEADWAY_SYMBOLS"):
        assert text in ran.err
    asked = skippy.run("ppo", "--json")
    assert (asked.code, json.loads(asked.err)) == (Exit.REFUSED, refusal)


def test_a_rate_limit_says_when_to_try_again(skippy: Skippy, server: FakeServer) -> None:
    limited = {"error": "rate_limited", "message": "2 runs an hour", "retryAfterSeconds": 1234}
    server.on("POST", "/jobs", Reply(429, limited))
    ran = skippy.run("ppo")
    assert ran.code == Exit.REFUSED
    assert "try again in 1234 s" in ran.err
    assert len(server.asked("POST", "/jobs")) == 1


def test_an_answer_that_was_lost_leaves_the_key_to_find_the_job(skippy: Skippy, server: FakeServer) -> None:
    server.on("POST", "/jobs", Reply(dropped=True))
    ran = skippy.run("ppo", "--idempotency-key", "mine")
    assert ran.code == Exit.ERROR
    assert "--idempotency-key mine" in ran.err


ENDS = [
    ("done", "completed", Exit.DONE),
    ("failed", "diverged", Exit.FAILED),
    ("cancelled", "cancelled_by_user", Exit.CANCELLED),
]


@pytest.mark.parametrize(("state", "reason", "code"), ENDS)
@pytest.mark.parametrize("command", [["ppo"], ["watch", JOB], ["resume", JOB, "--watch"]])
def test_the_exit_code_says_how_the_watched_job_ended(
    skippy: Skippy, command: list[str], state: str, reason: str, code: Exit
) -> None:
    skippy.prepare_end(state, reason, error="loss became NaN", remedy="Lower the learning rate")
    ran = skippy.run(*command)
    assert ran.code == code
    assert ("loss became NaN" in ran.out) == (state != "done")
    assert ("Lower the learning rate" in ran.out) == (state != "done")


@pytest.mark.parametrize("command", [["ppo"], ["watch", JOB]])
def test_a_watch_that_takes_too_long_says_that_the_job_goes_on(
    skippy: Skippy, server: FakeServer, command: list[str]
) -> None:
    server.on("POST", "/jobs", Reply(202, ACCEPTED))
    server.on("GET", f"/jobs/{JOB}/events", Stream((progress(0.1),)))
    server.answer(job())
    ran = skippy.run(*command, "--watch-timeout", "0")
    assert ran.code == Exit.TIMED_OUT
    assert "It goes on" in ran.err


def test_a_watched_submission_as_json_is_lines_from_accepted_to_results(skippy: Skippy) -> None:
    skippy.prepare_end("done", "completed")
    ran = skippy.run("ppo", "--json")
    assert [line["kind"] for line in ran.lines] == [
        "accepted",
        "checkpoint_saved",
        "progress",
        "progress",
        "end",
        "results",
    ]
    assert ran.lines[0]["data"] == ACCEPTED
    assert ran.lines[-1]["data"]["metrics"] == METRICS


def test_a_detached_submission_as_json_is_the_answer_of_the_server(skippy: Skippy) -> None:
    skippy.prepare_end("done", "completed")
    assert skippy.run("ppo", "--json", "--detach").document == ACCEPTED


def test_what_the_data_were_stands_above_the_numbers(skippy: Skippy) -> None:
    skippy.prepare_end("done", "completed", dataLabel="packaged demo data", simulated=True)
    out = skippy.run("ppo").out
    assert out.index("packaged demo data") < out.index("Sharpe")
    assert "SIMULATED" in out


def test_a_dropped_stream_does_not_end_the_watch(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    server.on(
        "GET",
        f"/jobs/{JOB}/events",
        Stream((kept(1), progress(0.2)), torn=True),
        Reply(dropped=True),
        Stream((kept(2), end())),
    )
    server.on("GET", f"/jobs/{JOB}/status", Reply(dropped=True), Reply(body={"job": job()}))
    ran = skippy.run("watch", JOB)
    assert ran.code == Exit.DONE
    assert "server lost, trying again" in ran.out
    assert "the server answers again" in ran.out


@pytest.mark.parametrize("flag", ["--max-cost", "--duration", "--fee-bps", "--watch-timeout"])
@pytest.mark.parametrize("value", ["nan", "inf", "much"])
def test_what_is_no_number_is_a_usage_error(
    skippy: Skippy, server: FakeServer, flag: str, value: str
) -> None:
    ran = skippy.run("ppo", flag, value)
    assert ran.code == Exit.USAGE
    assert server.received == []
