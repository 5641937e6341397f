"""Finding candles: exact files, finer ones, packaged ones; counting them cheaply."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway.domain.errors import DataError, InvalidInput
from headway.markets.catalog import (
    PACKAGED_LABEL,
    FileCatalog,
    find_holding,
    finer_timeframes,
    get_holding,
    list_holdings,
    read_file_name,
)
from tests.fakes.candles import write_candles
from tests.unit.markets.files import SOUND, write_lines


def test_numbers_of_files_under_ever_new_names_are_not_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.markets.catalog._MAX_KEPT", 3)
    catalog = FileCatalog(tmp_path)
    for name in "ABCDEFG":
        path = write_candles(tmp_path / f"{name}_1h.csv", bars=5, seed=1)
        assert catalog.rows(name, "1h") == 5
        assert catalog.check(name, "1h") is not None
        path.unlink()

    assert len(catalog._counted) <= 3
    assert len(catalog._checked) <= 3


@pytest.mark.parametrize("name", ["BTCUSDT_1h.csv", "BTCUSDT_1h.parquet", "BTC_1h.csv", "BTC_1h.parquet"])
def test_a_file_is_found_under_any_of_its_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    holding = find_holding(tmp_path, "BTC", "1h")

    assert holding is not None
    assert (holding.path, holding.source, holding.origin) == (tmp_path / name, name, "file")
    assert holding.resampled_from is None


def test_the_exact_timeframe_goes_before_a_finer_one_and_the_coarsest_finer_before_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "BTC_1m.csv").touch()
    (tmp_path / "BTC_1h.csv").touch()

    assert get_holding(tmp_path, "BTC", "4h").resampled_from == "1h"

    (tmp_path / "BTC_4h.parquet").touch()
    assert get_holding(tmp_path, "BTC", "4h").resampled_from is None
    assert get_holding(tmp_path, "BTC", "15m").resampled_from == "1m"


def test_a_coarser_file_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "BTC_1d.csv").touch()

    assert find_holding(tmp_path, "BTC", "1h") is None


def test_finer_timeframes_are_those_that_divide_it_coarsest_first() -> None:
    assert finer_timeframes("4h") == ["1h", "30m", "15m", "5m", "1m"]
    assert finer_timeframes("1m") == []


def test_missing_candles_are_an_error_that_names_folder_files_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        get_holding(tmp_path / "nowhere", "BTC", "1h")

    message = str(raised.value)
    assert str(tmp_path / "nowhere") in message
    assert "BTCUSDT_1h.csv, BTCUSDT_1h.parquet, BTC_1h.csv, BTC_1h.parquet" in message
    assert "`headway data fetch BTC --timeframe 1h`" in message


def test_packaged_indices_are_found_by_day_and_week_and_labelled(tmp_path: Path) -> None:
    daily, weekly = (get_holding(tmp_path, "SP500", timeframe) for timeframe in ("1d", "1w"))

    assert (daily.path, daily.origin, daily.source) == (None, "packaged", "arch.data.sp500")
    assert daily.label == weekly.label == PACKAGED_LABEL == "packaged demo data (arch)"
    assert (daily.resampled_from, weekly.resampled_from) == (None, "1d")


def test_packaged_indices_have_no_hourly_bars_and_the_error_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The packaged bars of NASDAQ are daily: use the timeframe 1d or 1w"):
        get_holding(tmp_path, "NASDAQ", "1h")


def test_a_file_of_the_folder_goes_before_packaged_data(tmp_path: Path) -> None:
    (tmp_path / "SP500_1d.csv").touch()

    assert get_holding(tmp_path, "SP500", "1d").origin == "file"


@pytest.mark.parametrize("symbol", ["../secret", "BTC/USDT", "", "a" * 25])
def test_a_symbol_that_is_no_plain_name_is_refused(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(DataError, match="letters and digits only"):
        find_holding(tmp_path, symbol, "1h")


def test_a_timeframe_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="timeframe"):
        find_holding(tmp_path, "BTC", "7h")


def test_rows_are_lines_less_the_header_without_blank_ones(tmp_path: Path) -> None:
    path = write_lines(tmp_path, [*SOUND, "", ""])
    catalog = FileCatalog(tmp_path)

    assert catalog.rows("BTC", "1h") == 8
    path.write_text(path.read_text().rstrip())
    assert catalog.rows("BTC", "1h") == 8


def test_rows_are_counted_again_only_when_time_or_size_of_the_file_changes(tmp_path: Path) -> None:
    path = write_candles(tmp_path / "BTCUSDT_1h.csv", bars=30, seed=1)
    catalog = FileCatalog(tmp_path)
    assert catalog.rows("BTC", "1h") == 30
    stat = path.stat()

    path.write_bytes(b"\n" * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert catalog.rows("BTC", "1h") == 30

    write_candles(path, bars=40, seed=1)
    assert catalog.rows("BTC", "1h") == 40


def test_rows_of_parquet_and_of_resampled_bars_are_not_known_cheaply(tmp_path: Path) -> None:
    write_candles(tmp_path / "BTCUSDT_1h.csv", bars=30, seed=1)
    (tmp_path / "ETH_1h.parquet").touch()
    catalog = FileCatalog(tmp_path)

    assert catalog.rows("BTC", "4h") is None
    assert catalog.rows("ETH", "1h") is None
    assert catalog.rows("SP500", "1w") is None


def test_rows_of_packaged_days_are_counted(tmp_path: Path) -> None:
    assert FileCatalog(tmp_path).rows("SP500", "1d") == 5031


def test_days_of_hours_with_closures_are_counted_by_their_span(tmp_path: Path) -> None:
    hours = [f"2024-01-{day:02}T{hour:02}:00:00Z,1,1,1,1,1" for day in range(1, 31) for hour in range(14, 21)]
    (tmp_path / "XYZ_1h.csv").write_text("\n".join(["timestamp,open,high,low,close,volume", *hours]))
    write_candles(tmp_path / "BTC_1h.csv", bars=240, seed=1)
    catalog = FileCatalog(tmp_path)

    assert catalog.coverage("XYZ", "1h").rows == 210
    assert catalog.coverage("XYZ", "1d").rows == 29  # the estimate; each of the 30 days has a bar
    assert catalog.coverage("BTC", "1d").rows == 10


def test_packaged_days_say_from_when_to_when_they_are(tmp_path: Path) -> None:
    found = FileCatalog(tmp_path).coverage("SP500", "1d")

    assert (found.first_at, found.last_at) == (
        datetime(1999, 1, 4, tzinfo=UTC),
        datetime(2018, 12, 31, tzinfo=UTC),
    )
    assert found.problem is None


def test_rows_of_nothing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no 1h candles of XRP"):
        FileCatalog(tmp_path).rows("XRP", "1h")


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "BTC_1h.csv").touch()

    assert FileCatalog(tmp_path).rows("BTC", "1h") == 0


def test_the_list_has_the_files_of_the_folder_and_the_packaged_data(tmp_path: Path) -> None:
    for name in ("ETHUSDT_1h.csv", "BTC_4h.parquet", "notes.txt", "BTCUSDT_1h.csv.partial"):
        (tmp_path / name).touch()

    listed = [(holding.symbol, holding.timeframe, holding.origin) for holding in list_holdings(tmp_path)]

    assert listed == [
        ("BTC", "4h", "file"),
        ("ETH", "1h", "file"),
        ("SP500", "1d", "packaged"),
        ("NASDAQ", "1d", "packaged"),
    ]


def test_a_file_name_tells_symbol_and_timeframe() -> None:
    assert read_file_name(Path("x/BTCUSDT_15m.csv")) == ("BTC", "15m")
    assert read_file_name(Path("SP500_1d.parquet")) == ("SP500", "1d")
    assert read_file_name(Path("candles.csv")) is None


def test_the_catalog_needs_the_standard_library_alone() -> None:
    program = (
        "import sys, headway.markets.catalog, headway.cli.data;"
        "print([name for name in ('numpy', 'polars', 'pandas', 'arch', 'ccxt') if name in sys.modules])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == "[]"
