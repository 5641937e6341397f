from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.errors import InvalidInput
from headway.domain.limits import (
    MIN_HOURS,
    Limits,
    estimate_cost_usd,
    hours_from_steps,
    require_affordable,
    require_hours,
    soonest_end_s,
)


@pytest.mark.parametrize(
    ("steps", "hours"),
    [
        (1, 0.25),
        (24_999, 0.25),
        (25_000, 0.25),
        (25_001, 0.25001),
        (100_000, 1.0),
        (1_000_000, 10.0),
        (1_200_000, 12.0),
        (1_200_001, 12.0),
        (10_000_000_000, 12.0),
    ],
)
def test_a_hundred_thousand_steps_are_an_hour_within_the_bounds(steps: int, hours: float) -> None:
    assert hours_from_steps(steps, ceiling_hours=12.0) == pytest.approx(hours)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.floats(MIN_HOURS, 8760))
def test_more_steps_never_take_fewer_hours(steps: int, other: int, ceiling: float) -> None:
    fewer, more = sorted([steps, other])
    low, high = (hours_from_steps(n, ceiling_hours=ceiling) for n in (fewer, more))
    assert MIN_HOURS <= low <= high <= ceiling


@pytest.mark.parametrize("hours", [0.25, 1, 11.999, 12.0])
def test_hours_within_the_bounds_are_taken(hours: float) -> None:
    assert require_hours(hours, ceiling_hours=12.0) == hours


@pytest.mark.parametrize("hours", [0.2499, 0.0, -1.0, 12.0001, inf, -inf, nan])
def test_hours_out_of_bounds_are_refused_by_name(hours: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_hours(hours, ceiling_hours=12.0)

    assert caught.value.field == "durationHours"
    assert caught.value.value is hours
    assert caught.value.bound == "between 0.25 and 12 hours"
    assert "maxDurationHours" in caught.value.remedy


def test_the_cost_is_hours_times_price() -> None:
    assert estimate_cost_usd(4.0, 2.5) == 10.0
    assert estimate_cost_usd(4.0, 0.0) == 0.0


def test_a_run_that_costs_its_whole_budget_is_affordable() -> None:
    require_affordable(4.0, usd_per_hour=2.5, max_cost_usd=10.0)
    require_affordable(4.0, usd_per_hour=0.0, max_cost_usd=0.0)


def test_a_run_that_costs_more_than_its_budget_is_refused_with_the_estimate() -> None:
    with pytest.raises(InvalidInput, match=r"4 hours at \$2\.5 an hour are estimated at \$10\.00") as caught:
        require_affordable(4.0, usd_per_hour=2.5, max_cost_usd=9.99)

    assert caught.value.field == "maxCostUsd"
    assert caught.value.value == 9.99


def test_the_budget_in_seconds_follows_from_the_price() -> None:
    assert Limits(max_cost_usd=10.0, usd_per_hour=2.5).budget_s == 4 * 3600.0
    assert Limits(max_cost_usd=0.0, usd_per_hour=2.5).budget_s == 0.0


def test_a_budget_that_cannot_be_spent_has_no_seconds() -> None:
    assert Limits(max_cost_usd=10.0, usd_per_hour=0.0).budget_s is None
    assert Limits(max_cost_usd=None, usd_per_hour=2.5).budget_s is None


def test_limits_come_back_as_they_were() -> None:
    limits = Limits(3600.0, 7200.0, 5.0, 0.5, 1 << 30, grace_s=3.0, cpus=2, gpus=1, threads=8)

    assert Limits.from_json(limits.to_json()) == limits
    assert Limits.from_json(Limits().to_json()) == Limits()


def test_training_ends_early_enough_for_what_comes_after_it_to_fit_under_the_hard_limit() -> None:
    assert Limits(duration_s=900.0, hard_duration_s=900.0).training_s == 840.0
    assert Limits(duration_s=43_200.0, hard_duration_s=43_200.0).training_s == 43_200.0 * 0.98
    assert Limits(duration_s=900.0, hard_duration_s=43_200.0).training_s == 900.0
    assert Limits(duration_s=None, hard_duration_s=3600.0).training_s == 3528.0
    assert Limits(duration_s=900.0).training_s == 900.0
    assert Limits().training_s is None


@pytest.mark.parametrize(
    ("hard_s", "training_s"), [(60.0, 40.0), (72.0, 48.0), (180.0, 120.0), (600.0, 540.0)]
)
def test_a_short_limit_keeps_two_thirds_for_the_training(hard_s: float, training_s: float) -> None:
    assert Limits(hard_duration_s=hard_s).training_s == pytest.approx(training_s)


def test_a_training_ends_at_the_sooner_of_its_own_time_and_what_is_left_to_the_attempt() -> None:
    assert soonest_end_s(earlier_s=50.0, duration_s=100.0, attempt_s=20.0) == 70.0
    assert soonest_end_s(earlier_s=50.0, duration_s=100.0, attempt_s=80.0) == 100.0
    assert soonest_end_s(earlier_s=50.0, duration_s=None, attempt_s=0.0) == 50.0
    assert soonest_end_s(earlier_s=50.0, duration_s=None, attempt_s=None) is None
