"""Targets by naive loops; a row without its full future has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headway.engines.forecast.labels import LATE_BARS, path_returns, trend_classes
from headway.engines.forecast.panel import DOWN, FLAT, MASKED, UP
from tests.fakes.walks import walk_candles, without_rows

HOUR_S = 3_600


def test_a_path_is_the_log_return_to_each_of_the_next_bars() -> None:
    candles = walk_candles(50)
    paths = path_returns(candles.at_s, candles.close, 4, HOUR_S)
    for row in range(50):
        for h in range(1, 5):
            if row + h < 50:
                assert paths[row, h - 1] == pytest.approx(
                    math.log(candles.close[row + h] / candles.close[row])
                )
            else:
                assert math.isnan(paths[row, h - 1])


@pytest.mark.parametrize("missing", [LATE_BARS, LATE_BARS + 1])
def test_a_gap_masks_a_path_once_it_is_too_long(missing: int) -> None:
    candles = without_rows(walk_candles(80), 40, 40 + missing)
    paths = path_returns(candles.at_s, candles.close, 2, HOUR_S)
    masked = np.isnan(paths[:-2])
    assert masked.any() == (missing > LATE_BARS)
    if missing > LATE_BARS:
        assert np.argwhere(masked).tolist() == [[38, 1], [39, 0], [39, 1]]


@pytest.mark.parametrize("horizon_s", [1_800, HOUR_S, 5_400, 4 * HOUR_S])
def test_a_trend_is_that_of_the_first_bar_at_or_after_the_horizon(horizon_s: int) -> None:
    candles = without_rows(walk_candles(300), 100, 103)
    classes = trend_classes(candles.at_s, candles.close, horizon_s, HOUR_S, 0.004)
    for row, at_s in enumerate(candles.at_s.tolist()):
        later = [k for k, close_s in enumerate(candles.at_s.tolist()) if close_s >= at_s + horizon_s]
        if not later:
            assert classes[row] == MASKED
            continue
        moved = math.log(candles.close[later[0]] / candles.close[row])
        assert classes[row] == (UP if moved > 0.004 else DOWN if moved < -0.004 else FLAT)
    assert set(classes.tolist()) == {MASKED, DOWN, FLAT, UP}


def test_a_trend_behind_a_long_gap_is_masked_and_not_flat() -> None:
    candles = without_rows(walk_candles(100), 50, 60)
    classes = trend_classes(candles.at_s, candles.close, HOUR_S, HOUR_S, 0.0)
    assert [row for row in range(89) if classes[row] == MASKED] == [49]
    assert classes[89] == MASKED  # the last row of all


def test_a_return_of_exactly_the_threshold_is_flat() -> None:
    at_s = np.array([0, HOUR_S, 2 * HOUR_S], np.int64)
    close = np.array([100.0, 100.0, 100.0])
    assert trend_classes(at_s, close, HOUR_S, HOUR_S, 0.0).tolist() == [FLAT, FLAT, MASKED]


def test_a_horizon_longer_than_the_data_masks_every_row() -> None:
    candles = walk_candles(20)
    assert set(trend_classes(candles.at_s, candles.close, 30 * HOUR_S, HOUR_S, 0.0).tolist()) == {MASKED}
    assert np.isnan(path_returns(candles.at_s, candles.close, 30, HOUR_S)[:, 19:]).all()


def test_weekends_within_a_path_of_daily_bars_do_not_add_up_to_a_gap() -> None:
    day_s = 86_400
    days = np.array([day for day in range(140) if day % 7 < 5], np.int64)
    close = np.exp(np.linspace(0.0, 0.1, len(days)))

    paths = path_returns(days * day_s, close, 20, day_s)

    assert not np.isnan(paths[:-20]).any()
