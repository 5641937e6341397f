"""Estimators: known values, undefined first rows, and that nothing looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from headway.markets import estimators as est
from headway.markets.candles import Floats

_BARS = 300


@dataclass(frozen=True)
class _Bars:
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def cut(self, rows: slice) -> _Bars:
        return _Bars(*(array[rows].copy() for array in vars(self).values()))


def _walk(bars: int = _BARS, seed: int = 1) -> _Bars:
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, bars)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * (1 + draw.uniform(0, 0.01, bars))
    low = np.minimum(open_, close) * (1 - draw.uniform(0, 0.01, bars))
    return _Bars(open_, high, low, close, draw.uniform(0, 10, bars))


_ESTIMATORS: dict[str, tuple[Callable[[_Bars], Floats], int]] = {  # with the count of undefined first rows
    "rolling_mean": (lambda b: est.rolling_mean(b.close, 20), 19),
    "rolling_std": (lambda b: est.rolling_std(b.close, 20), 19),
    "z_score": (lambda b: est.z_score(b.close, 20), 19),
    "corwin_schultz_spread": (lambda b: est.corwin_schultz_spread(b.high, b.low, b.close), 1),
    "amihud_illiquidity": (lambda b: est.amihud_illiquidity(b.close, b.volume, 20), 20),
    "amihud_log": (lambda b: est.amihud_illiquidity(b.close, b.volume, 20, log_scaled=True), 20),
    "close_location": (lambda b: est.close_location(b.high, b.low, b.close), 0),
    "close_location_imbalance": (
        lambda b: est.close_location_imbalance(b.high, b.low, b.close, b.volume, 20),
        19,
    ),
    "parkinson_volatility": (lambda b: est.parkinson_volatility(b.high, b.low, 20), 19),
    "garman_klass_volatility": (
        lambda b: est.garman_klass_volatility(b.open, b.high, b.low, b.close, 20),
        19,
    ),
    "rsi": (lambda b: est.rsi(b.close, 14), 14),
}
_ALL = pytest.mark.parametrize("name", _ESTIMATORS)


@_ALL
def test_a_later_bar_never_changes_an_earlier_value(name: str) -> None:
    estimate, _ = _ESTIMATORS[name]
    bars = _walk()
    before = estimate(bars)
    for row in (1, 2, 19, 20, 21, 150, _BARS - 1):
        changed = bars.cut(slice(None))
        for array in vars(changed).values():
            array[row:] *= np.linspace(3, 5, _BARS - row)

        np.testing.assert_array_equal(estimate(changed)[:row], before[:row])


@_ALL
def test_fewer_bars_give_the_same_values_as_far_as_they_go(name: str) -> None:
    estimate, _ = _ESTIMATORS[name]
    bars = _walk()
    whole = estimate(bars)
    for count in (1, 2, 14, 15, 20, 21, 200):
        np.testing.assert_allclose(estimate(bars.cut(slice(0, count))), whole[:count], rtol=1e-10)


@_ALL
def test_only_the_first_rows_are_undefined(name: str) -> None:
    estimate, undefined = _ESTIMATORS[name]

    values = estimate(_walk())

    assert len(values) == _BARS
    assert np.isnan(values[:undefined]).all()
    assert np.isfinite(values[undefined:]).all()


def test_rolling_mean_and_deviation_are_those_of_each_window() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])

    np.testing.assert_allclose(est.rolling_mean(values, 2), [np.nan, 1.5, 3.0, 6.0])
    np.testing.assert_allclose(est.rolling_std(values, 2), [np.nan, 0.5, 1.0, 2.0])


def test_long_series_are_the_same_across_chunks() -> None:
    values = np.random.default_rng(2).normal(1e6, 1, 10_000)

    found = est.rolling_std(values, 7)

    for row in (6, 4095, 4101, 4102, 4103, 9999):
        assert found[row] == pytest.approx(values[row - 6 : row + 1].std(), rel=1e-9)


def test_a_missing_value_spoils_only_the_windows_that_hold_it() -> None:
    values = np.array([1.0, np.nan, 3.0, 4.0, 5.0])

    np.testing.assert_allclose(est.rolling_mean(values, 2), [np.nan, np.nan, np.nan, 3.5, 4.5])


def test_z_score_of_a_constant_is_zero() -> None:
    assert est.z_score(np.full(5, 0.1), 3)[2:].tolist() == [0.0, 0.0, 0.0]
    assert est.z_score(np.array([0.0, 0.0, 3.0]), 3)[2] == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_without_bars_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="at least 1 bar"):
        est.rolling_mean(np.ones(3), window)
    with pytest.raises(ValueError, match="at least 1 bar"):
        est.rsi(np.ones(3), window)


def test_corwin_schultz_finds_the_spread_of_simulated_quotes() -> None:
    draw = np.random.default_rng(3)
    spread, bars, ticks = 0.02, 2000, 390
    log_mid = np.cumsum(draw.normal(0, 0.01 / np.sqrt(ticks), (bars * ticks))).reshape(bars, ticks)
    side = draw.choice([-1, 1], (bars, ticks))
    price = np.exp(log_mid) * (1 + side * spread / 2)

    estimate = est.corwin_schultz_spread(price.max(axis=1), price.min(axis=1), price[:, -1])

    assert np.nanmean(estimate) == pytest.approx(spread, rel=0.15)


def test_corwin_schultz_by_hand() -> None:
    high, low, close = np.array([102.0, 103.0]), np.array([98.0, 99.0]), np.array([100.0, 101.0])
    beta = np.log(102 / 98) ** 2 + np.log(103 / 99) ** 2
    gamma = np.log(103 / 98) ** 2
    k = 3 - 2 * np.sqrt(2)
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / k - np.sqrt(gamma / k)

    estimate = est.corwin_schultz_spread(high, low, close)

    assert estimate[1] == pytest.approx(2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha)))


def test_corwin_schultz_takes_a_jump_between_bars_out() -> None:
    high, low, close = np.array([101.0, 101.0]), np.array([99.0, 99.0]), np.array([99.0, 100.0])
    moved_high, moved_low = high + np.array([0.0, 10.0]), low + np.array([0.0, 10.0])

    still = est.corwin_schultz_spread(high, low, close)[1]
    jumped = est.corwin_schultz_spread(moved_high, moved_low, close)[1]

    assert still > 0
    assert jumped == pytest.approx(still)


def test_corwin_schultz_is_never_negative() -> None:
    trend = 100 * np.exp(0.05 * np.arange(50))

    assert np.nanmin(est.corwin_schultz_spread(trend * 1.001, trend, trend)) >= 0


def test_amihud_is_the_mean_of_return_over_traded_value() -> None:
    close, volume = np.array([100.0, 101.0, 101.0, 99.99]), np.array([1.0, 2.0, 0.0, 4.0])
    first, last = 0.01 / 202, 0.01 / (99.99 * 4)

    found = est.amihud_illiquidity(close, volume, 2)

    np.testing.assert_allclose(found, [np.nan, np.nan, first, last], rtol=1e-9)  # no trade in row 2: left out
    logs = est.amihud_illiquidity(close, volume, 2, log_scaled=True)
    np.testing.assert_allclose(logs[2:], np.log([first, last]))


def test_amihud_is_undefined_where_nothing_was_traded() -> None:
    found = est.amihud_illiquidity(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 0.0, 1.0]), 2)

    assert np.isnan(found[2])
    assert np.isfinite(found[3])


def test_close_location_is_minus_one_at_the_low_and_one_at_the_high() -> None:
    high, low = np.array([2.0, 2.0, 2.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])

    assert est.close_location(high, low, np.array([1.0, 2.0, 1.5, 1.0])).tolist() == [-1.0, 1.0, 0.0, 0.0]


def test_close_location_imbalance_is_weighted_by_volume() -> None:
    high, low, close = np.full(3, 2.0), np.full(3, 1.0), np.array([2.0, 1.0, 1.5])

    found = est.close_location_imbalance(high, low, close, np.array([3.0, 1.0, 0.0]), 2)

    np.testing.assert_allclose(found, [np.nan, 0.5, -1.0])
    assert est.close_location_imbalance(high, low, close, np.zeros(3), 2)[1:].tolist() == [0.0, 0.0]


def test_volatilities_from_ranges_agree_with_that_of_a_simulated_walk() -> None:
    draw = np.random.default_rng(4)
    bars, ticks, volatility = 2000, 1000, 0.01
    steps = draw.normal(0, volatility / np.sqrt(ticks), (bars, ticks))
    path = np.concatenate([np.zeros((bars, 1)), np.cumsum(steps, axis=1)], axis=1)
    price = 100 * np.exp(path)
    open_, high, low, close = price[:, 0], price.max(axis=1), price.min(axis=1), price[:, -1]

    assert est.parkinson_volatility(high, low, bars)[-1] == pytest.approx(volatility, rel=0.06)
    assert est.garman_klass_volatility(open_, high, low, close, bars)[-1] == pytest.approx(
        volatility, rel=0.06
    )


def test_rsi_follows_wilders_averages() -> None:
    """Changes +1 and -1 in turn, then a rise: averages by hand."""
    close = np.array([10.0, 11.0, 10.0, 11.0, 13.0])

    found = est.rsi(close, 2)

    # means of the first two changes: 0.5 and 0.5; then (0.5 + 1) / 2 and 0.25; then (0.75 + 2) / 2 and 0.125
    np.testing.assert_allclose(found[2:], [50.0, 75.0, 100 * 1.375 / 1.5])
    assert np.isnan(found[:2]).all()


def test_rsi_without_losses_is_a_hundred_without_gains_zero_without_moves_fifty() -> None:
    rising = np.arange(1.0, 20.0)

    assert est.rsi(rising)[14:].tolist() == [100.0] * 5
    assert est.rsi(rising[::-1].copy())[14:].tolist() == [0.0] * 5
    assert est.rsi(np.ones(19))[14:].tolist() == [50.0] * 5
