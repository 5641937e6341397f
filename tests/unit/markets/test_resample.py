"""Resampling: sums, extremes, edges and alignment."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from headway.domain.manifest import DataSource
from headway.markets.candles import Candles
from headway.markets.resample import resample

_SATURDAY_S = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())
_SOURCE = DataSource("test", "simulated", "", 0, "", "")


def _hourly(bars: int, *, first_s: int = _SATURDAY_S, seed: int = 1) -> Candles:
    draw = np.random.default_rng(seed)
    open_, close = draw.uniform(90, 110, (2, bars))
    return Candles(
        symbol="BTC",
        timeframe="1h",
        at_s=first_s + 3600 * np.arange(1, bars + 1),
        open=open_,
        high=np.maximum(open_, close) + 1,
        low=np.minimum(open_, close) - 1,
        close=close,
        volume=draw.uniform(1, 2, bars),
        book={"bid": close - 0.1, "ask": close + 0.1},
        source=_SOURCE,
    )


def _drop(candles: Candles, rows: list[int]) -> Candles:
    assert candles.book is not None
    kept = {name: np.delete(array, rows) for name, array in candles.columns()}
    book = {name: kept.pop(name) for name in candles.book}
    return candles.evolve(**kept, book=book)


def test_open_is_the_first_close_the_last_high_and_low_the_extremes_volume_the_sum() -> None:
    fine = _hourly(8)

    coarse = resample(fine, "4h")

    assert len(coarse) == 2
    assert coarse.timeframe == "4h"
    for bar, rows in enumerate((slice(0, 4), slice(4, 8))):
        assert coarse.open[bar] == fine.open[rows][0]
        assert coarse.close[bar] == fine.close[rows][-1]
        assert coarse.high[bar] == fine.high[rows].max()
        assert coarse.low[bar] == fine.low[rows].min()
        assert coarse.volume[bar] == pytest.approx(fine.volume[rows].sum())


def test_a_coarse_bar_is_known_when_its_last_fine_bar_is() -> None:
    fine = _hourly(8)

    assert resample(fine, "4h").at_s.tolist() == fine.at_s[[3, 7]].tolist()


def test_the_order_book_is_that_of_the_last_fine_bar() -> None:
    fine = _hourly(8)
    assert fine.book is not None

    book = resample(fine, "4h").book

    assert book is not None
    assert book["bid"].tolist() == fine.book["bid"][[3, 7]].tolist()


@pytest.mark.parametrize(
    ("first", "bars", "kept"), [(0, 8, 2), (1, 7, 1), (0, 7, 1), (1, 6, 0), (3, 6, 1), (0, 3, 0)]
)
def test_incomplete_bars_at_both_ends_are_dropped(first: int, bars: int, kept: int) -> None:
    assert len(resample(_hourly(bars, first_s=_SATURDAY_S + 3600 * first), "4h")) == kept


def test_weeks_begin_on_monday() -> None:
    weekly = resample(_hourly(24 * 17), "1w")

    assert len(weekly) == 2
    ends = [datetime.fromtimestamp(at, UTC) for at in weekly.at_s]
    assert ends == [datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 17, tzinfo=UTC)]


def test_in_two_steps_the_bars_are_the_same() -> None:
    fine = _hourly(24 * 30)

    direct, stepped = resample(fine, "1d"), resample(resample(fine, "4h"), "1d")

    for (name, array), (_, other) in zip(direct.columns(), stepped.columns(), strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-12, err_msg=name)


def test_a_bar_with_fine_bars_missing_inside_is_made_with_a_warning() -> None:
    coarse = resample(_drop(_hourly(12), [5]), "4h")

    assert len(coarse) == 3
    assert coarse.warnings[-1] == "1 of 3 bars of 4h were made from fewer bars than they span"


def test_a_bar_with_all_its_fine_bars_missing_is_missing() -> None:
    fine = _hourly(12)

    assert resample(_drop(fine, [4, 5, 6, 7]), "4h").at_s.tolist() == fine.at_s[[3, 11]].tolist()


def test_the_source_counts_the_coarse_bars() -> None:
    source = resample(_hourly(8), "4h").source

    assert (source.rows, source.first) == (2, "2022-01-01T04:00:00.000000Z")
    assert source.last == "2022-01-01T08:00:00.000000Z"


@pytest.mark.parametrize("timeframe", ["1h", "30m"])
def test_only_a_coarser_timeframe_can_be_made(timeframe: str) -> None:
    with pytest.raises(ValueError, match="cannot be resampled"):
        resample(_hourly(8), timeframe)


def test_no_bars_stay_no_bars() -> None:
    assert len(resample(_hourly(0), "4h")) == 0
