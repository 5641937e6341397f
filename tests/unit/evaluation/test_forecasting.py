"""Measures of forecasts, by hand and by loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headway.domain.errors import InvalidInput
from headway.evaluation.forecasting import (
    coverage,
    directional_accuracy,
    mae,
    mean_interval,
    mean_width,
    pinball,
    rmse,
)

FORECAST = np.array([1.0, -2.0, 0.0, 3.0])
ACTUAL = np.array([2.0, 1.0, -1.0, 0.0])
NONE = np.empty(0)


def test_errors_by_hand() -> None:
    assert rmse(FORECAST, ACTUAL) == pytest.approx(math.sqrt((1 + 9 + 1 + 9) / 4))
    assert mae(FORECAST, ACTUAL) == pytest.approx((1 + 3 + 1 + 3) / 4)


def test_direction_counts_rows_that_moved_and_a_forecast_of_zero_is_wrong() -> None:
    assert directional_accuracy(FORECAST, ACTUAL) == pytest.approx(
        1 / 3
    )  # right, wrong, no direction, did not move
    assert directional_accuracy(np.zeros(3), np.ones(3)) == 0.0
    assert directional_accuracy(np.ones(3), np.zeros(3)) is None


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_pinball_is_least_at_the_quantile(quantile: float) -> None:
    actual = np.random.default_rng(0).standard_normal(2_001)
    losses = {
        q: pinball(np.full_like(actual, np.quantile(actual, q)), actual, quantile)
        for q in (0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95)
    }
    assert min(losses, key=lambda q: losses[q] or 0.0) == quantile


def test_half_of_the_absolute_error_is_the_pinball_loss_of_the_median() -> None:
    assert pinball(FORECAST, ACTUAL, 0.5) == pytest.approx((mae(FORECAST, ACTUAL) or 0.0) / 2)


def test_coverage_includes_the_bounds() -> None:
    lower, upper = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 2.0])
    assert coverage(lower, upper, np.array([0.0, 1.0, 3.0])) == pytest.approx(2 / 3)
    assert mean_width(lower, upper) == pytest.approx(4 / 3)


def test_no_rows_have_no_measure() -> None:
    assert rmse(NONE, NONE) is None
    assert mae(NONE, NONE) is None
    assert directional_accuracy(NONE, NONE) is None
    assert pinball(NONE, NONE, 0.5) is None
    assert coverage(NONE, NONE, NONE) is None
    assert mean_width(NONE, NONE) is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"same shape"):
        rmse(FORECAST, ACTUAL[:2])
    with pytest.raises(InvalidInput, match=r"quantile = 1.0 .*below 1"):
        pinball(FORECAST, ACTUAL, 1.0)


def test_the_interval_of_a_mean_holds_it_and_narrows_with_the_root_of_the_rows() -> None:
    values = np.random.default_rng(3).standard_normal(6_400) + 0.1
    wide, narrow = (mean_interval(values[:rows], seed=1) for rows in (400, 6_400))
    assert wide is not None
    assert narrow is not None
    assert narrow[0] < values.mean() < narrow[1]
    assert (wide[1] - wide[0]) / (narrow[1] - narrow[0]) == pytest.approx(4.0, rel=0.2)
    assert narrow[1] - narrow[0] == pytest.approx(2 * 1.96 / 80, rel=0.1)


def test_longer_blocks_widen_the_interval_of_overlapping_rows() -> None:
    steps = np.random.default_rng(5).standard_normal(3_000)
    overlapping = np.convolve(steps, np.ones(50), mode="valid")
    short = mean_interval(overlapping[::10], seed=1)
    long = mean_interval(overlapping, seed=1, least_block=100)
    assert short is not None
    assert long is not None
    assert long[1] - long[0] > 0.5 * 2 * 1.96 * 50 / math.sqrt(3_000)
    assert mean_interval(overlapping, seed=1, least_block=100) == long


@pytest.mark.parametrize("values", [np.zeros(10), np.full(100, 2.0), NONE])
def test_too_few_or_equal_rows_have_no_interval(values: np.ndarray) -> None:
    assert mean_interval(values, seed=1) is None
