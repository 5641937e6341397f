"""Looking at jobs, cancelling, resuming, following: what each route answers in each state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.api.errors import ANSWERS, answer_of
from headway.api.views import to_metrics
from headway.control.dispatch import claim_next, start
from headway.domain import errors
from headway.domain.errors import HeadwayError, PreflightFailed, StoreUnavailable
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.ports import Sighting
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind, encode_line
from tests.fakes.executor import make_exit
from tests.integration.calling import Api, make_api

JOBS = "/api/training/jobs"


def _begin(api: Api) -> str:
    """A job that trains, half way through."""
    job_id = api.submit(steps=100, seed=3)
    context = api.service.context
    claim = claim_next(context, api.watcher.token)
    assert claim is not None
    start(context, claim.run, ())
    lines: list[tuple[LineKind, dict[str, Any]]] = [
        (LineKind.PHASE, {"state": "training", "text": "training"}),
        (
            LineKind.PROGRESS,
            {"fraction": 0.5, "phase": "PPO epoch 4/8", "step": 50, "eta_s": 12.5, "rate_per_s": 4.0},
        ),
        (LineKind.METRICS, {"rows": [[50, {"train/loss": 0.25}]]}),
    ]
    log = context.run_dir(job_id).attempt(1).events
    log.write_bytes(
        b"".join(
            encode_line(seq, "2026-01-01T00:00:01Z", kind, data) for seq, (kind, data) in enumerate(lines, 1)
        )
    )
    api.watcher.step()
    return job_id


def _end(api: Api, job_id: str, verb: Verb | None = None) -> None:
    proof = make_exit(verb=verb)
    api.services.executor.sightings[job_id, 1] = Sighting(alive=False, heartbeat_at=None, exit=proof)
    api.watcher.step()


def _job(api: Api, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.ask("GET", f"{JOBS}/{job_id}/status").json()["job"]
    return found


def test_the_status_of_a_training_job_says_where_it_is_and_what_that_rests_on(api: Api) -> None:
    job = _job(api, _begin(api))

    assert (job["state"], job["progress"], job["phase"]) == ("training", 0.5, "PPO epoch 4/8")
    assert (job["step"], job["etaSeconds"], job["stepsPerSecond"]) == (50, 12.5, 4.0)
    assert job["latest"] == {"train/loss": 0.25}
    assert job["contact"]["state"] == "live"
    assert (job["attempt"], job["seed"], job["symbols"]) == (1, 3, ["BTC"])
    assert job["metrics"] is None
    assert job["queuePosition"] is None


@pytest.mark.parametrize("job_id", ["tr_1_2", "tr_1700000000000_00000000", "..%2F..%2Fetc", "x" * 300])
def test_a_job_that_is_not_there_is_not_found(api: Api, job_id: str) -> None:
    for method, rest in (
        ("GET", "/status"),
        ("GET", "/results"),
        ("GET", "/events"),
        ("GET", "/logs"),
        ("DELETE", ""),
    ):
        answer = api.ask(method, f"{JOBS}/{job_id}{rest}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_results_are_not_ready_before_the_end_and_say_where_the_job_is(api: Api) -> None:
    job_id = _begin(api)
    early = api.ask("GET", f"{JOBS}/{job_id}/results")
    _end(api, job_id)
    late = api.ask("GET", f"{JOBS}/{job_id}/results")

    assert (early.status_code, early.json()["error"], early.json()["state"]) == (409, "not_ready", "training")
    assert late.status_code == 200
    assert set(late.json()) == {"job", "metrics", "artifacts", "manifestPath"}
    assert late.json()["job"]["reason"] == "trainer_error"


def test_cancelling_is_asked_for_first_and_claimed_once_proven(api: Api) -> None:
    job_id = _begin(api)

    accepted = api.ask("DELETE", f"{JOBS}/{job_id}")
    assert (accepted.status_code, accepted.json()["state"]) == (202, "training")
    assert _job(api, job_id)["cancelRequestedAt"] is not None
    _end(api, job_id, Verb.CANCEL)

    assert _job(api, job_id)["state"] == "cancelled"
    again = api.ask("DELETE", f"{JOBS}/{job_id}")
    assert (again.status_code, again.json()["error"], again.json()["state"]) == (
        409,
        "already_ended",
        "cancelled",
    )


def test_a_cancelled_job_resumes_and_a_training_one_does_not(api: Api) -> None:
    job_id = _begin(api)
    refused = api.ask("POST", f"{JOBS}/{job_id}/resume")
    _end(api, job_id, Verb.CANCEL)
    resumed = api.ask("POST", f"{JOBS}/{job_id}/resume", json={"maxDurationHours": 20})

    assert (refused.status_code, refused.json()["error"]) == (409, "not_resumable")
    assert (resumed.status_code, resumed.json()["queuePosition"]) == (202, 0)
    job = _job(api, job_id)
    assert (job["state"], job["maxDurationHours"], job["reason"]) == ("queued", 20, None)


def test_jobs_are_listed_newest_first_in_pages_with_their_total(api: Api) -> None:
    ids = []
    for _ in range(5):
        ids.append(api.submit())
        api.services.clock.advance(1)
    first = api.ask("GET", f"{JOBS}?limit=2").json()
    second = api.ask("GET", f"{JOBS}?limit=2&cursor={first['nextCursor']}").json()

    assert [job["jobId"] for job in first["jobs"] + second["jobs"]] == ids[:0:-1]
    assert first["total"] == second["total"] == 5
    assert first["queue"] == {"queueLength": 5, "currentJob": None, "isRunning": False}
    assert api.ask("GET", f"{JOBS}?state=done").json()["jobs"] == []
    for query in ("limit=0", "limit=201", "state=running", "cursor=%00"):
        assert api.ask("GET", f"{JOBS}?{query}").status_code == 400


def test_the_queue_shows_what_runs_what_waits_and_the_slots(api: Api) -> None:
    running = _begin(api)
    waiting = api.submit()
    found = api.ask("GET", "/api/training/queue").json()

    assert (found["queueLength"], found["isRunning"]) == (1, True)
    assert found["currentJob"]["jobId"] == found["running"][0]["jobId"] == running
    assert [(entry["jobId"], entry["position"]) for entry in found["waiting"]] == [(waiting, 0)]
    assert found["slots"] == [{"kind": "cpu", "index": 0, "jobId": running}]


def _blocks(text: str) -> list[dict[str, str]]:
    return [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in text.strip().split("\n\n")
    ]


def test_the_events_of_an_ended_job_are_told_in_order_and_then_the_end(api: Api) -> None:
    job_id = _begin(api)
    _end(api, job_id)
    answer = api.ask("GET", f"{JOBS}/{job_id}/events")
    blocks = _blocks(answer.text)

    assert answer.headers["content-type"].startswith("text/event-stream")
    kept = [json.loads(block["data"]) for block in blocks if "id" in block]
    assert [event["seq"] for event in kept] == list(range(1, len(kept) + 1))
    assert [event["kind"] for event in kept][:3] == ["run_queued", "run_claimed", "training_started"]
    assert blocks[-1] == {"event": "end", "data": '{"state":"failed","reason":"trainer_error"}'}


def test_a_follower_that_comes_back_goes_on_after_its_last_event(api: Api) -> None:
    job_id = _begin(api)
    _end(api, job_id)

    for arguments in ({"headers": {"Last-Event-ID": "2"}}, {"params": {"after": 2}}):
        blocks = _blocks(api.ask("GET", f"{JOBS}/{job_id}/events", **arguments).text)
        assert blocks[0]["id"] == "3"


def test_who_does_not_follow_gets_what_is_there_and_the_progress(api: Api) -> None:
    job_id = _begin(api)
    blocks = _blocks(api.ask("GET", f"{JOBS}/{job_id}/events?follow=false").text)

    assert blocks[-1]["event"] == "progress"
    assert json.loads(blocks[-1]["data"])["step"] == 50


def test_the_console_log_is_read_from_its_end_or_from_an_offset(api: Api) -> None:
    job_id = _begin(api)
    console = api.service.context.run_dir(job_id).attempt(1).console
    console.write_text("".join(f"line {number}\n" for number in range(300)))

    tail = api.ask("GET", f"{JOBS}/{job_id}/logs?tail=2")
    rest = api.ask("GET", f"{JOBS}/{job_id}/logs?offset={console.stat().st_size - 9}")

    assert tail.text == "line 298\nline 299\n"
    assert rest.text == "line 299\n"
    assert tail.headers["x-next-offset"] == rest.headers["x-next-offset"] == str(console.stat().st_size)


def test_health_needs_no_secret_and_tells_nothing_else(api: Api) -> None:
    answer = api.ask("GET", "/health", secret=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_is_bad_when_the_store_does_not_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(api.service.context.store, "check", fail)
    assert api.ask("GET", "/health").status_code == 503


def test_the_counters_are_those_of_the_events(api: Api) -> None:
    job_id = _begin(api)
    _end(api, job_id)
    api.submit()
    events = api.service.context.store.read(lambda tx: tx.events_after(0, 1000))
    api.service.counters.count(events)

    text = api.ask("GET", "/metrics", secret=None).text

    for line in (
        'training_jobs_total{state="queued"} 2.0',
        'training_jobs_total{state="failed"} 1.0',
        'training_failures_total{reason="trainer_error"} 1.0',
        "training_runtime_seconds_count 1.0",
        "training_queue_depth 1.0",
        "training_active_runs 0.0",
        "training_ingest_lag_bytes 0.0",
    ):
        assert line in text.splitlines()


def test_every_error_of_the_tree_has_an_answer() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HeadwayError)
    ]

    assert set(kinds) == set(ANSWERS)
    for reason in Reason:
        assert answer_of(PreflightFailed("x", reason=reason)).code == reason


def test_what_nobody_expected_is_told_without_its_inside(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_work: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(api.service.context.store, "read", fail)
    answer = api.ask("GET", "/api/training/queue")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert "inside" not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/nothing", 404), ("PUT", JOBS, 405)])
def test_what_is_no_route_is_told_in_the_same_shape(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path)
    assert answer.status_code == status
    assert {"error", "message"} <= set(answer.json())


def test_every_route_names_its_errors_with_examples(api: Api) -> None:
    paths = api.app.openapi()["paths"]
    jobs = {path: routes for path, routes in paths.items() if path.startswith("/api/training")}

    assert len(jobs) == 9
    for routes in jobs.values():
        for route in routes.values():
            assert {"401", "503"} <= set(route["responses"])
            assert "422" not in route["responses"] or "examples" in str(route["responses"]["422"])
            good = route["responses"].get("200") or route["responses"]["202"]
            assert "example" in str(good)


def test_a_second_session_is_refused_while_one_is_under_way(tmp_path: Path) -> None:
    api = make_api(tmp_path)
    api.service.closing.close()  # a server that is about to end answers at once and leaves the training alone

    first = api.ask("POST", "/api/training/real-session", json={"duration": 0.1})
    second = api.ask("POST", "/api/training/real-session", json={"duration": 0.1})

    assert first.status_code == 503
    assert first.json()["job"]["state"] == "queued"
    assert (second.status_code, second.json()["error"]) == (409, "busy")
    assert second.json()["jobId"] == first.json()["job"]["jobId"]


@pytest.mark.parametrize("hours", [0.09, 6.01])
def test_a_session_has_bounds_of_its_own(api: Api, hours: float) -> None:
    answer = api.ask("POST", "/api/training/real-session", json={"duration": hours})
    assert (answer.status_code, answer.json()["field"]) == (400, "duration")


def test_a_number_that_is_missing_is_null_and_says_why(api: Api) -> None:
    result = Result(
        Reason.COMPLETED,
        {"sharpe": None, "return_fraction": -0.0, "trades": 0, "sharpe_low": None},
        {"missing": {"sharpe": "nothing moved", "sharpe_low": "too few bars", "steps_per_s": "none left"}},
    )

    metrics = to_metrics(result)

    assert metrics is not None
    assert (metrics.sharpe, metrics.trades, metrics.win_rate) == (None, 0, None)
    assert str(metrics.return_pct) == "0.0"
    assert metrics.missing == {"sharpe": "nothing moved", "ciSharpe95": "too few bars"}
