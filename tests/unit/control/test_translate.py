from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway.control.context import Policy
from headway.control.translate import limits_of_resume, series_of, spec_of_job, spec_of_session
from headway.domain.errors import InvalidInput
from headway.domain.limits import Limits
from headway.domain.trading import TradingConfig
from headway.wire.jobs import RealSessionRequest, ResumeRequest, TrainingRequest

_POLICY = Policy(Path("runs"), Path("candles"))
_HOUR_S = 3600.0


def _policy(**changes: Any) -> Policy:
    return Policy(**{**vars(_POLICY), **changes})


def _refused(field: str, policy: Policy = _POLICY, **asked: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        spec_of_job(TrainingRequest(**asked), policy)
    assert caught.value.field == field
    assert field in str(caught.value)
    return caught.value


def _hours(**asked: Any) -> tuple[float, float]:
    limits = spec_of_job(TrainingRequest(**asked), _POLICY).limits
    assert limits.duration_s is not None
    assert limits.hard_duration_s is not None
    return limits.duration_s / _HOUR_S, limits.hard_duration_s / _HOUR_S


# jobs


@pytest.mark.parametrize(
    ("asked", "planned", "hard"),
    [
        ({}, 0.25, 12.0),
        ({"steps": 1_000_000}, 10.0, 12.0),
        ({"steps": 1}, 0.25, 12.0),
        ({"steps": 2_000_000}, 12.0, 12.0),
        ({"steps": 2_000_000, "max_duration_hours": 48.0}, 20.0, 48.0),
        ({"steps": 2_000_000, "duration_hours": 3.0}, 3.0, 12.0),
        ({"duration_hours": 0.25}, 0.25, 12.0),
        ({"duration_hours": 12.0}, 12.0, 12.0),
        ({"max_duration_hours": 0.25}, 0.25, 0.25),
    ],
)
def test_hours_come_from_the_request_or_its_steps_within_the_bounds(
    asked: dict[str, Any], planned: float, hard: float
) -> None:
    assert _hours(**asked) == pytest.approx((planned, hard))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"duration_hours": 0.2499}, "durationHours"),
        ({"duration_hours": 12.001}, "durationHours"),
        ({"duration_hours": 0.0}, "durationHours"),
        ({"duration_hours": -3.0}, "durationHours"),
        ({"max_duration_hours": 48.001}, "maxDurationHours"),
        ({"max_duration_hours": 0.2499}, "maxDurationHours"),
        ({"max_cost_usd": 100.001}, "maxCostUsd"),
        ({"max_cost_usd": -0.001}, "maxCostUsd"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["DOGE"]}, "symbols"),
        ({"symbols": ["BTC", "BTC"]}, "symbols"),
        ({"features": []}, "features"),
        ({"features": ["mood"]}, "features"),
        ({"timeframe": "2h"}, "timeframe"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_what_is_allowed(asked: dict[str, Any], field: str) -> None:
    error = _refused(field, **asked)
    assert error.bound


@pytest.mark.parametrize(
    "asked",
    [
        {"max_duration_hours": 48.0},
        {"max_duration_hours": 0.25},
        {"max_cost_usd": 100.0},
        {"max_cost_usd": 0.0},
        {"symbols": ["BTC", "ETH", "SOL", "ADA", "DOT"]},
    ],
)
def test_what_lies_on_a_bound_is_taken(asked: dict[str, Any]) -> None:
    spec_of_job(TrainingRequest(**asked), _POLICY)


def test_the_ceilings_of_the_server_say_how_to_raise_them() -> None:
    assert "HEADWAY_MAX_HOURS" in _refused("maxDurationHours", max_duration_hours=100.0).remedy
    assert "HEADWAY_MAX_COST_USD" in _refused("maxCostUsd", max_cost_usd=1000.0).remedy
    assert "HEADWAY_SYMBOLS" in _refused("symbols", symbols=["DOGE"]).remedy
    assert "maxDurationHours" in _refused("durationHours", duration_hours=13.0).remedy


def test_the_allow_list_is_that_of_the_server() -> None:
    spec_of_job(TrainingRequest(symbols=["DOGE"]), _policy(symbols=("DOGE",)))
    _refused("symbols", _policy(symbols=("DOGE",)))


def test_a_run_that_would_cost_more_than_its_budget_is_refused_with_the_estimate() -> None:
    priced = _policy(usd_per_hour=2.5)
    error = _refused("maxCostUsd", priced, duration_hours=4.01, max_cost_usd=10.0)
    assert "estimated at $10.0" in error.bound

    limits = spec_of_job(TrainingRequest(duration_hours=4.0, max_cost_usd=10.0), priced).limits
    assert (limits.max_cost_usd, limits.usd_per_hour, limits.budget_s) == (10.0, 2.5, 4 * _HOUR_S)


def test_without_a_price_every_budget_suffices() -> None:
    assert (
        spec_of_job(TrainingRequest(duration_hours=12.0, max_cost_usd=0.0), _POLICY).limits.budget_s is None
    )


def test_a_spec_holds_all_that_was_asked_for() -> None:
    asked = TrainingRequest(
        symbols=["ETH", "BTC"],
        features=["volume"],
        timeframe="15m",
        steps=5_000,
        version="2.0",
        allow_short=False,
        fee_bps=1.0,
        slippage_bps=0.5,
        skip_validation=True,
        priority=3,
        notes="é",
        seed=0,
    )
    spec = spec_of_job(asked, _policy(memory_bytes=1 << 30, grace_s=3.0, gpu_slots=2, threads_per_slot=4))

    expected = TradingConfig(("ETH", "BTC"), "15m", ("volume",), 5_000, "2.0", False, 1.0, 0.5, True)
    assert TradingConfig.from_json(spec.config) == expected
    assert (spec.engine, spec.executor, spec.origin) == ("ppo", "local", "jobs")
    assert (spec.priority, spec.notes, spec.seed) == (3, "é", 0)
    assert TrainingRequest.model_validate(spec.request) == asked
    limits = spec.limits
    assert (limits.memory_bytes, limits.grace_s) == (1 << 30, 3.0)
    assert (limits.cpus, limits.gpus, limits.threads) == (1, 0, 4)  # PPO trains on the CPU, whatever there is


def test_no_gpu_is_asked_for_where_there_is_none() -> None:
    assert spec_of_job(TrainingRequest(), _POLICY).limits.gpus == 0


def test_a_seed_that_was_not_given_is_drawn_once_and_frozen() -> None:
    seeds = {spec_of_job(TrainingRequest(), _POLICY).seed for _ in range(20)}
    assert len(seeds) > 1
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)


# sessions


@pytest.mark.parametrize("hours", [0.1, 1.0, 6.0])
def test_a_session_takes_its_hours_and_a_little_more_before_it_is_stopped(hours: float) -> None:
    spec = spec_of_session(RealSessionRequest(duration=hours), _POLICY)
    assert spec.origin == "real-session"
    assert spec.limits.duration_s == pytest.approx(hours * _HOUR_S)
    assert spec.limits.hard_duration_s == pytest.approx((hours + 0.1) * _HOUR_S)


@pytest.mark.parametrize("hours", [0.0999, 6.001, 0.0, -1.0])
def test_a_session_out_of_bounds_is_sent_to_the_jobs(hours: float) -> None:
    with pytest.raises(InvalidInput, match=r"between 0\.1 and 6 hours.*/api/training/jobs") as caught:
        spec_of_session(RealSessionRequest(duration=hours), _POLICY)
    assert (caught.value.field, caught.value.value) == ("duration", hours)


def test_a_session_is_held_to_the_same_symbols_and_features() -> None:
    for asked, field in (
        (RealSessionRequest(symbols=["DOGE"]), "symbols"),
        (RealSessionRequest(features=["mood"]), "features"),
        (RealSessionRequest(timeframe="2h"), "timeframe"),
    ):
        with pytest.raises(InvalidInput) as caught:
            spec_of_session(asked, _POLICY)
        assert caught.value.field == field


# resume and series


def test_a_resume_changes_the_limits_that_it_names_and_those_that_the_server_decides() -> None:
    memory, grace = 9 << 30, 4.0
    policy = replace(_POLICY, memory_bytes=memory, grace_s=grace)
    old = Limits(60.0, 3600.0, 5.0, 0.5, 7, 3.0, 2, 1, 4)

    assert limits_of_resume(ResumeRequest(), old, policy) == Limits(
        60.0, 3600.0, 5.0, 0.5, memory, grace, 2, 1, 4
    )
    longer = limits_of_resume(ResumeRequest(max_duration_hours=2.0), old, policy)
    assert longer == Limits(60.0, 7200.0, 5.0, 0.5, memory, grace, 2, 1, 4)
    richer = limits_of_resume(ResumeRequest(max_cost_usd=0.0), old, policy)
    assert richer == Limits(60.0, 3600.0, 0.0, 0.5, memory, grace, 2, 1, 4)


def test_a_ceiling_below_a_default_lowers_the_default_but_refuses_what_was_asked_for() -> None:
    low = replace(_POLICY, ceiling_hours=6.0, ceiling_cost_usd=5.0)

    limits = spec_of_job(TrainingRequest(), low).limits
    assert (limits.hard_duration_s, limits.max_cost_usd) == (6 * 3600.0, 5.0)
    for asked, field in (
        (TrainingRequest(max_duration_hours=12.0), "maxDurationHours"),
        (TrainingRequest(max_cost_usd=10.0), "maxCostUsd"),
    ):
        with pytest.raises(InvalidInput) as caught:
            spec_of_job(asked, low)
        assert caught.value.field == field


def test_runs_are_of_one_series_by_symbols_timeframe_and_version_alone() -> None:
    def series(**asked: Any) -> str:
        return series_of(spec_of_job(TrainingRequest(**asked), _POLICY))

    same = series(symbols=["ETH", "BTC"])
    assert same == series(symbols=["BTC", "ETH"], features=["volume"], seed=3, steps=9)
    others = {series(symbols=["BTC"]), series(symbols=["ETH", "BTC"], timeframe="4h"), same}
    others.add(series(symbols=["ETH", "BTC"], version="1.2"))
    assert len(others) == 4
