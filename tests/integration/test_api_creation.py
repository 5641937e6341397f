"""POST /api/training/jobs: who may, what is accepted, and how often."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway.api.app import make_app
from headway.domain.errors import DataError
from tests.integration.calling import SECRET, Api, make_api

JOBS = "/api/training/jobs"


def _refused(api: Api, status: int = 400, **body: Any) -> dict[str, Any]:
    answer = api.ask("POST", JOBS, json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_accepted_job_has_an_id_a_time_an_estimate_and_a_place(api: Api) -> None:
    first = api.ask("POST", JOBS, json={"durationHours": 2})
    api.services.clock.advance(1)
    second = api.ask("POST", JOBS, json={"steps": 1_000_000})

    assert (first.status_code, second.status_code) == (202, 202)
    assert re.fullmatch(r"tr_[0-9]{13}_[0-9a-f]{8}", first.json()["jobId"])
    assert first.json()["estimatedDuration"] == "2 hours"
    assert (first.json()["queuePosition"], second.json()["queuePosition"]) == (0, 1)
    assert second.json()["estimatedDuration"] == "10 hours"
    assert second.headers["location"].endswith("/status")


@pytest.mark.parametrize("secret", [None, "", "wrong", "a-secret-for-tests-onlz", "sécret"])
def test_without_the_right_secret_nothing_below_api_answers(api: Api, secret: str | None) -> None:
    for path in (JOBS, f"{JOBS}/tr_1/status", "/api/training/queue", "/api/nothing"):
        answer = api.ask("GET", path, secret=secret)
        assert answer.status_code == 401
        assert answer.json()["error"] == "unauthorized"
    assert api.ask("POST", JOBS, secret=secret, content="{broken").status_code == 401


@pytest.mark.parametrize(
    ("body", "field", "bound"),
    [
        ({"durationHours": 0.2499}, "durationHours", "between 0.25 and 12 hours"),
        ({"durationHours": 12.01}, "durationHours", "between 0.25 and 12 hours"),
        ({"durationHours": 2, "maxDurationHours": 1}, "durationHours", "between 0.25 and 1 hours"),
        ({"maxDurationHours": 48.01}, "maxDurationHours", "between 0.25 and 48 hours"),
        ({"maxDurationHours": 0.2}, "maxDurationHours", "between 0.25 and 48 hours"),
        ({"maxCostUsd": -0.01}, "maxCostUsd", "between 0 and 100 US dollars"),
        ({"maxCostUsd": 100.01}, "maxCostUsd", "between 0 and 100 US dollars"),
        ({"symbols": ["DOGE"]}, "symbols", "BTC, ETH, SOL, ADA, DOT"),
        ({"symbols": []}, "symbols", "at least one"),
        ({"symbols": ["BTC", "BTC"]}, "symbols", "at most once"),
        ({"features": ["price", "astrology"]}, "features", "microstructure"),
        ({"features": []}, "features", "at least one"),
        ({"timeframe": "2h"}, "timeframe", "1h"),
        ({"seed": -1}, "seed", "greater than or equal to 0"),
        ({"seed": 2**32}, "seed", "4294967295"),
        ({"seed": 1.5}, "seed", "integer"),
        ({"steps": 0}, "steps", "greater than or equal to 1"),
        ({"steps": "1000"}, "steps", "integer"),
        ({"durationHours": "2"}, "durationHours", "number"),
        ({"feeBps": 1000.5}, "feeBps", "1000"),
        ({"feeBps": -1}, "feeBps", "0"),
        ({"priority": 101}, "priority", "100"),
        ({"notes": "x" * 2001}, "notes", "2000"),
        ({"version": "../../etc"}, "version", "pattern"),
        ({"skipValidation": "yes"}, "skipValidation", "boolean"),
        ({"stepz": 5}, "stepz", "unknown field"),
        ({"symbols": "BTC"}, "symbols", "list"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_field_value_and_bound(
    api: Api, body: dict[str, Any], field: str, bound: str
) -> None:
    found = _refused(api, **body)

    assert found["error"] == "invalid_input"
    assert found["field"].split(".")[0] == field
    assert bound in found["bound"]
    assert api.ask("GET", JOBS).json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"durationHours": 0.25},
        {"durationHours": 12},
        {"durationHours": 48, "maxDurationHours": 48},
        {"maxCostUsd": 0},
        {"maxCostUsd": 100},
        {"seed": 0},
        {"seed": 2**32 - 1},
        {"steps": 1},
        {"symbols": ["BTC", "ETH", "SOL", "ADA", "DOT"]},
        {"features": ["price", "volume", "depth", "microstructure", "calendar"]},
        {"notes": "x" * 2000, "priority": -100, "feeBps": 0, "slippageBps": 1000},
        {},
    ],
)
def test_what_is_just_within_its_bounds_is_accepted(api: Api, body: dict[str, Any]) -> None:
    assert api.submit(**body)


@pytest.mark.parametrize(
    ("steps", "hours"), [(1, 0.25), (100_000, 1.0), (1_000_000, 10.0), (9_000_000, 12.0)]
)
def test_hours_that_come_from_steps_are_clamped(api: Api, steps: int, hours: float) -> None:
    job_id = api.submit(steps=steps)
    job = api.ask("GET", f"{JOBS}/{job_id}/status").json()["job"]
    assert (job["durationHours"], job["steps"]) == (hours, steps)


def test_steps_may_stand_in_the_query_but_not_twice_with_two_values(api: Api) -> None:
    assert api.ask("POST", f"{JOBS}?steps=500000", json={}).json()["estimatedDuration"] == "5 hours"
    assert api.ask("POST", f"{JOBS}?steps=5", json={"steps": 5}).status_code == 202
    assert api.ask("POST", f"{JOBS}?steps=5", json={"steps": 6}).json()["field"] == "steps"
    assert api.ask("POST", f"{JOBS}?steps=abc", json={}).json()["field"] == "steps"


@pytest.mark.parametrize(
    "content",
    [
        "{broken",
        "",
        "[]",
        "null",
        '"text"',
        "\xff\xfe",
        "[" * 20_000,
        '{"durationHours": NaN}',
        '{"seed": 1e400}',
    ],
)
def test_a_body_that_is_no_request_is_refused_as_such(api: Api, content: str) -> None:
    answer = api.ask(
        "POST", JOBS, content=content.encode("latin-1"), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_input"
    json.dumps(answer.json(), allow_nan=False)


def test_a_body_that_is_too_large_is_refused_before_it_is_parsed(api: Api) -> None:
    found = _refused(api, 413, notes="x" * (64 << 10))
    assert found["error"] == "too_large"


def test_a_job_that_cannot_be_paid_for_is_refused_with_the_estimate(tmp_path: Path) -> None:
    api = make_api(tmp_path, usd_per_hour=2.0)
    found = _refused(api, durationHours=6, maxCostUsd=11.99)
    assert found["field"] == "maxCostUsd"
    assert "$12.00" in found["bound"]
    assert api.submit(durationHours=6, maxCostUsd=12)


def test_missing_data_disk_or_engine_are_told_before_the_job_exists(tmp_path: Path) -> None:
    api = make_api(tmp_path)
    api.services.candles.failure = DataError("no candles of BTC")
    assert _refused(api, 422)["error"] == "data_unavailable"
    api.services.candles.failure = None
    api.services.candles.bars = 499
    assert "499 bars" in _refused(api, 422)["message"]
    api.services.candles.bars = 500
    api.services.engines.missing.add("ppo")
    assert _refused(api, 422)["error"] == "preflight_rejected"
    full = make_api(tmp_path, min_free_bytes=1 << 60)
    assert _refused(full, 422)["error"] == "disk_full"


def test_the_same_key_and_body_make_one_job_and_one_answer(api: Api) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = api.ask("POST", JOBS, json={"steps": 5, "seed": 1}, headers=key)
    again = api.ask(
        "POST", JOBS, content='{"seed":1,\n "steps":5}', headers={**key, "content-type": "application/json"}
    )
    other = api.ask("POST", JOBS, json={"steps": 6, "seed": 1}, headers=key)

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["error"]) == (409, "idempotency_conflict")
    assert api.ask("GET", JOBS).json()["total"] == 1


def test_two_jobs_an_hour_then_a_refusal_that_says_when(tmp_path: Path) -> None:
    api = make_api(tmp_path, jobs_per_hour=2)
    key = {"Idempotency-Key": "first"}
    assert api.ask("POST", JOBS, json={}, headers=key).status_code == 202
    api.services.clock.advance(600)
    _refused(api, symbols=["DOGE"])  # what is refused does not count
    api.submit()

    refused = api.ask("POST", JOBS, json={})
    replayed = api.ask("POST", JOBS, json={}, headers=key)
    api.services.clock.advance(3001)

    assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == str(refused.json()["retryAfterSeconds"]) == "3000"
    assert replayed.status_code == 202
    assert api.submit()


def test_a_replay_is_given_also_where_lower_bounds_would_refuse_the_request(tmp_path: Path) -> None:
    api = make_api(tmp_path)
    key = {"Idempotency-Key": "before"}
    first = api.ask("POST", JOBS, json={"durationHours": 10}, headers=key)
    policy = replace(api.service.context.policy, ceiling_hours=1.0)
    service = replace(api.service, context=replace(api.service.context, policy=policy))
    later = replace(api, service=service, app=make_app(service, secret=SECRET, version="0"))

    again = later.ask("POST", JOBS, json={"durationHours": 10}, headers=key)

    assert (again.status_code, again.json()) == (202, first.json())
    assert later.ask("POST", JOBS, json={"durationHours": 10}).status_code == 400
