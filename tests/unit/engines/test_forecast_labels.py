"""Targets by naive loops; a row without its full future has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headway.engines.forecast.labels import LATE_BARS, path_returns, trend_classes
from headway.engines.forecast.panel import DOWN, FLAT, MASKED, UP, Rows
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


def _session_hours(weeks: int) -> Rows:
    """Closes of seven hourly bars a day, Monday to Friday, in winter an hour later than in summer."""
    return np.array(
        [
            ((4 + 7 * week + day) * 24 + hour + (week % 52 < 26)) * HOUR_S
            for week in range(weeks)
            for day in range(5)
            for hour in range(14, 21)
        ],
        np.int64,
    )


@pytest.mark.parametrize("horizon_s", [HOUR_S, 4 * HOUR_S, 10 * HOUR_S, 24 * HOUR_S, 7 * 24 * HOUR_S])
def test_a_market_that_closes_at_night_keeps_its_labels(horizon_s: int) -> None:
    at_s = _session_hours(60)
    close = np.exp(np.linspace(0.0, 1.0, len(at_s)))

    paths = path_returns(at_s, close, 24, HOUR_S)
    classes = trend_classes(at_s, close, horizon_s, HOUR_S, 0.0)

    assert not np.isnan(paths[:-24]).any()
    assert set(classes[at_s + horizon_s <= at_s[-1]].tolist()) == {UP}


def test_a_day_that_is_missing_in_a_market_that_closes_at_night_is_a_gap() -> None:
    whole = _session_hours(60)
    day = 7 * 5 * 30 + 7 * 2  # a Wednesday
    at_s = np.delete(whole, np.s_[day : day + 7])
    close = np.exp(np.linspace(0.0, 1.0, len(at_s)))

    paths = path_returns(at_s, close, 1, HOUR_S)
    classes = trend_classes(at_s, close, HOUR_S, HOUR_S, 0.0)

    assert np.flatnonzero(np.isnan(paths[:-1, 0])).tolist() == [day - 1]
    assert np.flatnonzero(classes[:-1] == MASKED).tolist() == [day - 1]


def test_a_gap_of_a_market_that_never_closes_stays_one_however_often_it_comes() -> None:
    candles = walk_candles(24 * 7 * 6)
    outages = [row for row in range(len(candles)) if 50 <= row % 200 < 60]
    at_s, close = np.delete(candles.at_s, outages), np.delete(candles.close, outages)

    masked = np.isnan(path_returns(at_s, close, 1, HOUR_S)[:-1, 0])

    assert masked.sum() == len([row for row in outages if row % 200 == 50])
