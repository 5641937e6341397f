"""The packaged indices: real daily bars, read strictly but for the calendar of their market."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from headway.markets.catalog import get_holding
from headway.markets.load import load_candles
from headway.markets.packaged import report_packaged


@pytest.mark.parametrize("symbol", ["SP500", "NASDAQ"])
def test_daily_bars_span_twenty_years_and_are_labelled(tmp_path: Path, symbol: str) -> None:
    candles = load_candles(tmp_path, symbol, "1d")

    assert len(candles) == 5031
    assert candles.source.origin == "packaged"
    assert candles.source.label == "packaged demo data (arch)"
    assert candles.source.first == "1999-01-05T00:00:00.000000Z"
    assert candles.source.last == "2019-01-01T00:00:00.000000Z"
    assert "weekends and holidays have none" in candles.warnings[0]


def test_values_are_those_of_the_package(tmp_path: Path) -> None:
    candles = load_candles(tmp_path, "SP500", "1d")

    assert candles.open[0] == pytest.approx(1229.22998)
    assert candles.close[-1] == pytest.approx(2506.850098)
    assert candles.volume[-1] == 3_442_870_000


def test_weeks_end_with_friday_and_the_unfinished_last_one_is_dropped(tmp_path: Path) -> None:
    days, weeks = (load_candles(tmp_path, "SP500", timeframe) for timeframe in ("1d", "1w"))

    assert weeks.source.last == "2018-12-31T00:00:00.000000Z"  # Monday 31 December begins a week of one day
    assert all(datetime.fromtimestamp(at, UTC).weekday() == 0 for at in weeks.at_s)
    assert weeks.close[0] == days.close[4]
    assert weeks.high.max() == days.high[: len(days) - 1].max()
    assert np.isin(weeks.close, days.close).all()


def test_a_report_of_packaged_bars_has_no_problems(tmp_path: Path) -> None:
    report = report_packaged(get_holding(tmp_path, "NASDAQ", "1d"))

    assert report.ok
    assert report.rows == 5031
