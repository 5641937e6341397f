"""Features of a forecast: right by other means, causal, free of scale, whole on still markets."""

from __future__ import annotations

import numpy as np
import pytest

from headway.domain.forecast_features import INDICATOR_GROUPS, PRICE, Group, count_columns, warmup_bars
from headway.domain.trading import TIMEFRAMES_S
from headway.engines.forecast.columns import (
    INDICATORS,
    atr_columns,
    bollinger_columns,
    calendar_columns,
    compute_columns,
    donchian_columns,
    ema_columns,
    macd_columns,
    obv_columns,
    price_columns,
    rsi_columns,
    sma_columns,
    stochastic_columns,
    vwap_columns,
)
from headway.engines.forecast.panel import Floats
from headway.markets.candles import Candles
from headway.markets.estimators import Columns, rsi
from headway.wire import forecast as wire
from tests.fakes.walks import walk_candles

ALL = tuple(INDICATORS)


def close_to(columns: Columns, name: str, expected: Floats) -> None:
    np.testing.assert_allclose(columns[name], expected, rtol=1e-9, atol=1e-12, equal_nan=True)


def window_means(values: Floats, bars: int) -> Floats:
    means = np.full(len(values), np.nan)
    for row in range(bars - 1, len(values)):
        means[row] = sum(values[row - bars + 1 : row + 1]) / bars
    return means


def exponential_means(values: Floats, bars: int) -> Floats:
    """Seeded with the plain mean of the first `bars` values."""
    means = np.full(len(values), np.nan)
    means[bars - 1] = values[:bars].mean()
    for row in range(bars, len(values)):
        means[row] = means[row - 1] + 2.0 / (bars + 1.0) * (values[row] - means[row - 1])
    return means


def test_every_indicator_that_a_configuration_may_name_is_there() -> None:
    assert set(INDICATORS) == set(wire.INDICATORS)


def test_the_table_for_estimates_is_that_of_the_columns() -> None:
    candles = walk_candles(300)
    made = {name: group_of(function(candles)) for name, function in INDICATORS.items()}

    assert made == INDICATOR_GROUPS
    assert tuple(INDICATOR_GROUPS) == wire.INDICATORS
    assert group_of(price_columns(candles)) == PRICE


@pytest.mark.parametrize("timeframe", TIMEFRAMES_S)
def test_the_columns_of_each_timeframe_are_counted_beforehand(timeframe: str) -> None:
    columns = compute_columns(walk_candles(300, timeframe), ALL, calendar=True)

    assert len(columns) == count_columns(timeframe, ALL, calendar=True)
    assert first_whole_row(columns) == warmup_bars(ALL)


def first_whole_row(columns: Columns) -> int:
    return int(np.isfinite(np.stack(list(columns.values()))).all(axis=0).argmax())


def group_of(columns: Columns) -> Group:
    return Group(len(columns), first_whole_row(columns))


def test_rsi_is_that_of_wilder() -> None:
    candles = walk_candles(300)
    close_to(rsi_columns(candles), "rsi_14", rsi(candles.close, 14) / 50.0 - 1.0)


def test_atr_is_wilders_mean_of_true_ranges_relative_to_the_close() -> None:
    candles = walk_candles(120)
    ranges = [
        max(high - low, abs(high - before), abs(low - before))
        for high, low, before in zip(candles.high[1:], candles.low[1:], candles.close[:-1], strict=True)
    ]
    expected = np.full(120, np.nan)
    mean = sum(ranges[:14]) / 14
    expected[14] = mean
    for row in range(15, 120):
        mean = (mean * 13 + ranges[row - 1]) / 14
        expected[row] = mean
    close_to(atr_columns(candles), "atr_14", expected / candles.close)


def test_moving_averages_are_log_distances_of_the_close() -> None:
    candles = walk_candles(260)
    close = candles.close
    close_to(sma_columns(candles), "sma_gap_20", np.log(close / window_means(close, 20)))
    close_to(ema_columns(candles), "ema_gap_21", np.log(close / exponential_means(close, 21)))


def test_macd_is_the_difference_of_exponential_means() -> None:
    candles = walk_candles(400)
    close = candles.close
    line = exponential_means(close, 12) - exponential_means(close, 26)
    # TA-Lib begins the fast mean where the slow one begins: the two agree once the beginning is forgotten
    np.testing.assert_allclose(macd_columns(candles)["macd"][-100:], (line / close)[-100:], atol=1e-9)


def test_bollinger_bands_say_where_the_close_is_and_how_wide_they_are() -> None:
    candles = walk_candles(60)
    last = candles.close[-20:]
    middle, spread = last.mean(), last.std()
    columns = bollinger_columns(candles)
    assert columns["bb_position"][-1] == pytest.approx((last[-1] - middle) / (2.0 * spread))
    assert columns["bb_width"][-1] == pytest.approx(4.0 * spread / middle)


def test_volume_balance_is_a_part_of_what_was_traded_wherever_the_file_begins() -> None:
    candles = walk_candles(200)
    signed = np.sign(np.diff(candles.close)) * candles.volume[1:]
    expected = signed[-20:].sum() / candles.volume[-20:].sum()
    for begin in (0, 50):
        assert obv_columns(candles.cut(begin, 200))["obv_20"][-1] == pytest.approx(expected)


def test_channels_and_oscillators_by_hand() -> None:
    candles = walk_candles(80)
    high, low = candles.high[-20:].max(), candles.low[-20:].min()
    close = candles.close[-1]
    assert donchian_columns(candles)["donchian_position"][-1] == pytest.approx(
        (2 * close - high - low) / (high - low)
    )
    fast = [
        100.0
        * (candles.close[row] - candles.low[row - 13 : row + 1].min())
        / (candles.high[row - 13 : row + 1].max() - candles.low[row - 13 : row + 1].min())
        for row in (77, 78, 79)
    ]
    assert stochastic_columns(candles)["stochastic_k"][-1] == pytest.approx(sum(fast) / 3 / 50.0 - 1.0)
    typical = ((candles.high + candles.low + candles.close) / 3.0)[-20:]
    mean = (typical * candles.volume[-20:]).sum() / candles.volume[-20:].sum()
    assert vwap_columns(candles)["vwap_gap_20"][-1] == pytest.approx(np.log(close / mean))


@pytest.mark.parametrize(
    ("timeframe", "absent"), [("1h", set()), ("1d", {"hour_sin", "session_asia"}), ("1w", {"weekend"})]
)
def test_calendar_columns_are_those_that_can_change(timeframe: str, absent: set[str]) -> None:
    columns = calendar_columns(walk_candles(800, timeframe))
    assert not absent & set(columns)
    assert all(np.ptp(values) > 0.0 for values in columns.values())


def test_the_calendar_is_that_of_the_close() -> None:
    candles = walk_candles(24 * 7)  # from Monday on; the bar that closes on Monday 06:00
    columns = {name: float(values[5]) for name, values in calendar_columns(candles).items()}
    assert columns["hour_sin"] == pytest.approx(1.0)
    assert columns["hour_cos"] == pytest.approx(0.0, abs=1e-12)
    assert (columns["weekday_sin"], columns["weekday_cos"]) == (0.0, 1.0)
    assert (columns["session_asia"], columns["session_europe"], columns["weekend"]) == (1.0, 0.0, 0.0)
    assert columns["month_cos"] == pytest.approx(np.cos(2 * np.pi * 8 / 12))
    assert calendar_columns(candles)["weekend"].sum() == 48


def scaled(candles: Candles, price: float, volume: float) -> Candles:
    prices = {name: getattr(candles, name) * price for name in ("open", "high", "low", "close")}
    return candles.evolve(**prices, volume=candles.volume * volume)


def test_columns_do_not_depend_on_the_currency() -> None:
    candles = walk_candles(600)
    columns, other = (
        compute_columns(bars, ALL, calendar=False) for bars in (candles, scaled(candles, 1e4, 1.0))
    )
    for name, values in columns.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-6, atol=1e-9, equal_nan=True, err_msg=name)


@pytest.mark.parametrize("volume", [0.0, 5.0])
def test_a_market_that_does_not_move_has_features_all_the_same(volume: float) -> None:
    candles = walk_candles(500)
    flat = np.full(500, 100.0)
    still = candles.evolve(open=flat, high=flat, low=flat, close=flat, volume=np.full(500, volume))
    for name, values in compute_columns(still, ALL, calendar=True).items():
        assert np.isfinite(values[250:]).all(), name
