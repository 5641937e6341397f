"""Alignment: a bar of a coarser timeframe is seen once it has closed, and not before."""

from __future__ import annotations

import numpy as np
import pytest

from headway.domain.errors import DataError, InvalidInput
from headway.engines.forecast.streams import align_streams, find_last_closed, to_timeframe
from headway.wire.forecast import FeatureConfig
from tests.fakes.walks import walk_candles, without_rows

FEW = FeatureConfig(indicators=("RSI",))
TIMEFRAMES = ("1h", "4h", "1d")


def test_every_row_sees_the_newest_bar_that_has_closed_by_a_naive_loop() -> None:
    candles = walk_candles(1_500)
    aligned = align_streams(candles, TIMEFRAMES, FEW)
    for name in TIMEFRAMES:
        closes = aligned.streams[name].at_s.tolist()
        for at_s, last in zip(aligned.at_s.tolist(), aligned.last_bar[name].tolist(), strict=True):
            closed = [close for close in closes if close <= at_s]
            assert last == len(closed) - 1


def test_a_bar_is_seen_at_the_moment_of_its_close_and_not_a_second_before() -> None:
    closes = np.array([100, 200, 300], np.int64)
    assert find_last_closed(closes, np.array([99, 100, 199, 200, 1_000])).tolist() == [-1, 0, 0, 1, 2]


def test_a_coarse_bar_knows_only_base_bars_up_to_its_close() -> None:
    candles = walk_candles(1_500)
    aligned = align_streams(candles, TIMEFRAMES, FEW)
    row = 700
    stream, last = aligned.streams["4h"], int(aligned.last_bar["4h"][700])
    closing = int(np.searchsorted(candles.at_s, stream.at_s[last]))
    expected = np.log(candles.close[closing] / candles.close[closing - 4])
    assert stream.values[last, stream.names.index("price.return_1")] == pytest.approx(expected)
    assert stream.at_s[last] <= aligned.at_s[row] < stream.at_s[last] + 4 * 3_600


def test_rows_begin_where_every_timeframe_has_a_bar_and_hold_no_nan() -> None:
    aligned = align_streams(walk_candles(1_500), TIMEFRAMES, FEW)
    assert aligned.last_bar["1d"][0] == 0
    assert all(np.isfinite(stream.values).all() for stream in aligned.streams.values())


def test_a_gap_leaves_the_newest_closed_bar_in_sight() -> None:
    candles = without_rows(walk_candles(1_500), 800, 830)
    aligned = align_streams(candles, TIMEFRAMES, FEW)
    for name, stream in aligned.streams.items():
        assert (stream.at_s[aligned.last_bar[name]] <= aligned.at_s).all()
        following = aligned.last_bar[name] + 1
        inside = following < len(stream.at_s)
        assert (stream.at_s[following[inside]] > aligned.at_s[inside]).all()


def test_an_indicator_list_of_its_own_makes_other_columns_for_that_timeframe() -> None:
    features = FeatureConfig(indicators=("RSI",), per_timeframe={"4h": ("ATR",)}, calendar=False)
    aligned = align_streams(walk_candles(600), ("1h", "4h"), features)
    assert [name for name in aligned.streams["1h"].names if "price" not in name] == [
        "rsi.rsi_14",
        "rsi.rsi_21",
    ]
    assert [name for name in aligned.streams["4h"].names if "price" not in name] == [
        "atr.atr_14",
        "atr.atr_21",
    ]


def test_without_technical_and_calendar_features_the_price_remains() -> None:
    features = FeatureConfig(technical=False, calendar=False)
    aligned = align_streams(walk_candles(100), ("1h",), features)
    assert all(name.startswith("price.") for name in aligned.streams["1h"].names)


@pytest.mark.parametrize(("base", "timeframe"), [("1h", "30m"), ("4h", "1h"), ("1d", "4h")])
def test_a_timeframe_finer_than_the_candles_is_refused(base: str, timeframe: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{timeframe}' .* multiple of .* {base}.*Leave it out"):
        to_timeframe(walk_candles(100, base), timeframe)


def test_too_few_bars_of_a_timeframe_name_it_and_the_features() -> None:
    with pytest.raises(DataError, match=r"12 bars of 1d are too few for the features .*price.return_20"):
        align_streams(walk_candles(300), TIMEFRAMES, FEW)


def test_a_hole_in_a_feature_names_column_row_and_time() -> None:
    candles = walk_candles(400)
    volume = candles.volume.copy()
    volume[300] = np.nan
    with pytest.raises(
        DataError, match=r"feature obv.obv_20 of 1h is nan in row 301, .*2020-09-26T13:00:00Z"
    ):
        align_streams(candles.evolve(volume=volume), ("1h",), FeatureConfig(indicators=("OBV",)))
