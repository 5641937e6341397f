"""The probe finds nothing in the features as they are, and each way of looking ahead that is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headway.domain.errors import PreflightFailed
from headway.engines.forecast.columns import INDICATORS
from headway.engines.forecast.leaks import find_leaks, replace_future, require_causal
from headway.engines.forecast.streams import Aligned, align_streams
from headway.markets.candles import Candles
from headway.wire.forecast import FeatureConfig
from tests.fakes.walks import walk_candles

TIMEFRAMES = ("1h", "4h", "1d")
FEW = FeatureConfig(indicators=("RSI",))
Align = Callable[[Candles], Aligned]


def align(candles: Candles) -> Aligned:
    return align_streams(candles, TIMEFRAMES, FEW)


def seen_before_its_close(candles: Candles) -> Aligned:
    """A bar of 4 hours is shown from its opening on."""
    aligned = align(candles)
    newest = len(aligned.streams["4h"].at_s) - 1
    early = np.minimum(aligned.last_bar["4h"] + 1, newest)
    return replace(aligned, last_bar={**aligned.last_bar, "4h": early})


def centred_window(candles: Candles) -> Aligned:
    """A mean whose window lies around the bar."""

    def smooth(values: np.ndarray) -> np.ndarray:
        return np.convolve(values, np.ones(5) / 5, mode="same")

    aligned = align(candles)
    stream = aligned.streams["1h"]
    values = stream.values.copy()
    values[:, 0] = smooth(values[:, 0])
    return replace(aligned, streams={**aligned.streams, "1h": replace(stream, values=values)})


def scaled_by_everything(candles: Candles) -> Aligned:
    """A column in units of its spread over the whole file."""
    aligned = align(candles)
    stream = aligned.streams["1d"]
    values = stream.values / stream.values.std(axis=0).clip(1e-9)
    return replace(aligned, streams={**aligned.streams, "1d": replace(stream, values=values)})


def next_return(candles: Candles) -> Aligned:
    aligned = align(candles)
    stream = aligned.streams["1h"]
    values = stream.values.copy()
    values[:-1, 0] = values[1:, 0]
    return replace(aligned, streams={**aligned.streams, "1h": replace(stream, values=values)})


def test_no_indicator_looks_ahead() -> None:
    features = FeatureConfig(indicators=tuple(INDICATORS))
    assert find_leaks(walk_candles(6_000), lambda bars: align_streams(bars, ("1h", "4h"), features)) == []


@pytest.mark.parametrize(
    ("planted", "timeframe"),
    [
        (seen_before_its_close, "4h"),
        (centred_window, "1h"),
        (scaled_by_everything, "1d"),
        (next_return, "1h"),
    ],
)
def test_a_planted_look_ahead_is_found(planted: Align, timeframe: str) -> None:
    leaks = find_leaks(walk_candles(2_400), planted)
    assert {leak.timeframe for leak in leaks} == {timeframe}


@pytest.mark.parametrize("seed", range(8))
def test_a_bar_shown_before_its_close_is_found_wherever_the_cuts_fall(seed: int) -> None:
    assert find_leaks(walk_candles(1_500), seen_before_its_close, cuts=1, seed=seed)


def test_a_leak_ends_the_preflight_and_names_feature_time_and_values() -> None:
    with pytest.raises(
        PreflightFailed,
        match=r"1 features look ahead: price.return_1 of 1h. .* at 2020-.*other candles",
    ):
        require_causal(walk_candles(1_500), next_return)


def test_replacing_the_future_leaves_the_past_and_the_times() -> None:
    candles = walk_candles(200)
    other = replace_future(candles, 120, np.random.default_rng(0))
    np.testing.assert_array_equal(other.at_s, candles.at_s)
    for name in ("open", "high", "low", "close", "volume"):
        before, after = getattr(candles, name), getattr(other, name)
        np.testing.assert_array_equal(before[:121], after[:121])
        assert (before[121:] != after[121:]).mean() > 0.9
    assert (other.high >= np.maximum(other.open, other.close)).all()
    assert (other.low <= np.minimum(other.open, other.close)).all()
