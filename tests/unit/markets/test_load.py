"""Loading: what is accepted, and that every fault is an error with its place."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headway.domain.errors import DataError, InvalidInput
from headway.markets.load import load_candles
from tests.fakes.candles import write_candles
from tests.unit.markets.files import HEADER, SOUND, spoil, write_lines

_FIRST_S = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())


def test_a_bar_is_known_when_it_closes_not_when_it_opens(tmp_path: Path) -> None:
    write_lines(tmp_path, SOUND)

    candles = load_candles(tmp_path, "BTC", "1h")

    assert candles.at_s.dtype == np.int64
    assert candles.at_s[0] == _FIRST_S + 3600
    assert candles.open_at_s[0] == _FIRST_S
    assert candles.volume.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert candles.warnings == ()


def test_the_source_tells_file_hash_rows_and_span(tmp_path: Path) -> None:
    path = write_candles(tmp_path / "BTCUSDT_1h.csv", bars=100, seed=1)

    source = load_candles(tmp_path, "BTC", "1h").source

    assert source.name == "BTCUSDT_1h.csv"
    assert source.origin == "file"
    assert source.label is None
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (source.rows, source.first) == (100, "2022-01-01T01:00:00.000000Z")
    assert source.last == "2022-01-05T04:00:00.000000Z"


@pytest.mark.parametrize("name", ["timestamp", "time", "Date", "datetime", "OPEN_TIME"])
def test_the_time_column_may_have_any_of_its_names(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path, SOUND, header=f"{name},Open,HIGH,low,Close,Volume")

    assert len(load_candles(tmp_path, "BTC", "1h")) == 8


@pytest.mark.parametrize(
    "written",
    [
        "2022-01-01T00:00:00Z",
        "2022-01-01 00:00:00",
        "2022-01-01T00:00",
        "2022-01-01",
        "2022-01-01T00:00:00.000000+00:00",
        "2022-01-01T02:00:00+02:00",
        "2021-12-31T19:00:00-0500",
        "2022-01-01 00:00:00 UTC",
        "1640995200",
        "1640995200000",
        "1640995200000000",
        "1640995200.0",
    ],
)
def test_a_time_may_be_iso_text_or_an_epoch_in_s_ms_or_us(tmp_path: Path, written: str) -> None:
    write_lines(tmp_path, spoil(1, f"{written},10,12,9,11,1"))

    assert load_candles(tmp_path, "BTC", "1h").open_at_s[0] == _FIRST_S


@pytest.mark.parametrize("kind", ["datetime", "aware", "epoch_ms", "text"])
def test_parquet_gives_the_same_candles_as_csv(tmp_path: Path, kind: str) -> None:
    path = write_candles(tmp_path / "csv" / "BTCUSDT_1h.csv", bars=50, seed=2)
    frame = pl.read_csv(path)
    times = frame["timestamp"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ")
    written = {
        "datetime": times,
        "aware": times.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
        "epoch_ms": times.dt.epoch("ms"),
        "text": frame["timestamp"],
    }
    (tmp_path / "parquet").mkdir()
    frame.with_columns(written[kind].alias("timestamp")).write_parquet(
        tmp_path / "parquet" / "BTC_1h.parquet"
    )

    digests = {load_candles(tmp_path / folder, "BTC", "1h").digest() for folder in ("csv", "parquet")}

    assert len(digests) == 1


def test_order_book_columns_are_kept_when_the_file_has_them(tmp_path: Path) -> None:
    lines = [f"{line},10.9,11.1,5,7" for line in SOUND]
    write_lines(tmp_path, lines, header=f"{HEADER},bid,ask,Bid_Size,ask_size")

    book = load_candles(tmp_path, "BTC", "1h").book

    assert book is not None
    assert list(book) == ["bid", "ask", "bid_size", "ask_size"]
    assert book["bid_size"].tolist() == [5.0] * 8


def test_columns_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    write_lines(tmp_path, [f"{line},x" for line in SOUND], header=f"{HEADER},note")

    assert load_candles(tmp_path, "BTC", "1h").book is None


def test_a_byte_order_mark_and_trailing_blank_lines_do_no_harm(tmp_path: Path) -> None:
    write_lines(tmp_path, [*SOUND, "", ""], header=f"\ufeff{HEADER}")

    assert len(load_candles(tmp_path, "BTC", "1h")) == 8


_FAULTS = {
    "text": (spoil(3, "2022-01-01T02:00:00Z,10,12,9,abc,1"), "row 3, column close: 'abc' is not a number"),
    "empty": (spoil(4, "2022-01-01T03:00:00Z,,12,9,11,1"), "row 4, column open: (nothing) is empty"),
    "nan": (spoil(2, "2022-01-01T01:00:00Z,10,12,NaN,11,1"), "row 2, column low: 'NaN' is not finite"),
    "inf": (spoil(2, "2022-01-01T01:00:00Z,10,inf,9,11,1"), "row 2, column high: 'inf' is not finite"),
    "zero price": (spoil(5, "2022-01-01T04:00:00Z,10,12,0,11,1"), "row 5, column low: '0' is not above 0"),
    "negative volume": (
        spoil(6, "2022-01-01T05:00:00Z,10,12,9,11,-1"),
        "row 6, column volume: '-1' is below 0",
    ),
    "high below low": (
        spoil(1, "2022-01-01T00:00:00Z,10,8,9,8.5,1"),
        "row 1, column high: '8' is below the low of 9",
    ),
    "high below open": (
        spoil(7, "2022-01-01T06:00:00Z,13,12,9,11,1"),
        "row 7, column high: '12' is below the open of 13",
    ),
    "high below close": (
        spoil(7, "2022-01-01T06:00:00Z,10,12,9,12.5,1"),
        "row 7, column high: '12' is below the close of 12.5",
    ),
    "low above open": (
        spoil(8, "2022-01-01T07:00:00Z,10,12,10.5,11,1"),
        "row 8, column low: '10.5' is above the open of 10",
    ),
    "low above close": (
        spoil(8, "2022-01-01T07:00:00Z,11,12,10.5,10,1"),
        "row 8, column low: '10.5' is above the close of 10",
    ),
    "duplicate": (
        spoil(3, "2022-01-01T01:00:00Z,10,12,9,11,1"),
        "row 3, column timestamp: '2022-01-01T01:00:00Z' is there already in an earlier row",
    ),
    "order": (
        [SOUND[1], SOUND[0], *SOUND[2:]],
        "row 2, column timestamp: '2022-01-01T00:00:00Z' is earlier than the row before",
    ),
    "gap": (
        [*SOUND[:3], *SOUND[5:]],
        "row 4, column timestamp: 2 bars of 1h are missing between 2022-01-01T02:00:00Z and 2022-01-01T05:00:00Z",
    ),
    "misaligned": (
        spoil(2, "2022-01-01T01:30:00Z,10,12,9,11,1"),
        "row 2, column timestamp: '2022-01-01T01:30:00Z' does not begin a bar of 1h",
    ),
    "not a time": (spoil(2, "soon,10,12,9,11,1"), "row 2, column timestamp: 'soon' is no time"),
    "no such hour": (spoil(2, "2022-01-01T25:00:00Z,1,1,1,1,1"), "row 2, column timestamp: '2022-01-01T25"),
    "no time": (spoil(2, ",10,12,9,11,1"), "row 2, column timestamp: (nothing) is empty"),
    "future": (
        ["2222-01-01T00:00:00Z,10,12,9,11,1"],
        "row 1, column timestamp: '2222-01-01T00:00:00Z' begins a bar that has not closed yet",
    ),
    "blank line": (spoil(2, ""), "row 2, column open: (nothing) is empty"),
    "extra field": (spoil(5, f"{SOUND[4]},7"), "row 5 has 7 fields, the header has 6"),
    "header only": ([], "the file has a header and no rows"),
}


@pytest.mark.parametrize("name", _FAULTS)
def test_every_fault_is_an_error_that_names_file_row_column_and_value(tmp_path: Path, name: str) -> None:
    lines, expected = _FAULTS[name]
    path = write_lines(tmp_path, lines)

    with pytest.raises(DataError) as raised:
        load_candles(tmp_path, "BTC", "1h")

    assert str(raised.value).startswith(f"{path}: {expected}")


@pytest.mark.parametrize("name", [name for name in _FAULTS if name != "gap"])
def test_allowing_gaps_allows_nothing_else(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path, _FAULTS[name][0])

    with pytest.raises(DataError):
        load_candles(tmp_path, "BTC", "1h", allow_gaps=True)


def test_a_gap_is_a_warning_with_counts_and_first_place_when_gaps_are_allowed(tmp_path: Path) -> None:
    write_lines(tmp_path, [SOUND[0], SOUND[2], SOUND[3], SOUND[6]])

    candles = load_candles(tmp_path, "BTC", "1h", allow_gaps=True)

    assert len(candles) == 4
    assert len(candles.warnings) == 1
    assert "row 2, column timestamp: 1 bars of 1h are missing" in candles.warnings[0]
    assert "(2 gaps, 3 bars in all)" in candles.warnings[0]


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_an_error_that_tells_what_there_is(tmp_path: Path, column: str) -> None:
    write_lines(tmp_path, SOUND, header=HEADER.replace(column, "other"))

    with pytest.raises(DataError, match=rf"column .*{column}.* is missing; the file has .*other"):
        load_candles(tmp_path, "BTC", "1h")


def test_a_column_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    write_lines(tmp_path, [f"{line},1" for line in SOUND], header=f"{HEADER},Close")

    with pytest.raises(DataError, match="column close is there twice"):
        load_candles(tmp_path, "BTC", "1h")


@pytest.mark.parametrize(
    ("header", "values", "expected"),
    [
        ("bid,ask", "11.2,11.1", "column ask: '11.1' is below the bid of 11.2"),
        ("bid,ask", "0,11.1", "column bid: '0' is not above 0"),
        ("bid_size,ask_size", "5,-1", "column ask_size: '-1' is below 0"),
        ("bid", "11", "column bid is there without ask"),
        ("ask_size", "5", "column ask_size is there without bid_size"),
    ],
)
def test_a_fault_of_the_order_book_is_an_error(
    tmp_path: Path, header: str, values: str, expected: str
) -> None:
    write_lines(tmp_path, [f"{line},{values}" for line in SOUND], header=f"{HEADER},{header}")

    with pytest.raises(DataError) as raised:
        load_candles(tmp_path, "BTC", "1h")

    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is empty"), (b"\n\n", "is empty"), (f"{HEADER}\n1,\xff".encode("latin-1"), "is no table")],
)
def test_a_file_that_is_no_table_is_an_error(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "BTCUSDT_1h.csv").write_bytes(content)

    with pytest.raises(DataError, match=expected):
        load_candles(tmp_path, "BTC", "1h")


def test_a_broken_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "BTC_1h.parquet").write_bytes(b"not parquet")

    with pytest.raises(DataError, match=r"BTC_1h\.parquet: is no table"):
        load_candles(tmp_path, "BTC", "1h")


def test_an_error_says_how_many_more_there_are_and_what_lists_them(tmp_path: Path) -> None:
    path = write_lines(tmp_path, spoil(3, "2022-01-01T02:00:00Z,10,12,9,abc,-1"))

    with pytest.raises(DataError) as raised:
        load_candles(tmp_path, "BTC", "1h")

    assert f"(1 more: `headway data check {path}` lists all)" in str(raised.value)


def test_a_finer_file_is_resampled_and_the_candles_say_so(tmp_path: Path) -> None:
    path = write_lines(tmp_path, SOUND)

    candles = load_candles(tmp_path, "BTC", "4h")

    assert (candles.timeframe, len(candles), candles.source.rows) == ("4h", 2, 2)
    assert candles.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert candles.warnings == ("4h bars were made from 1h bars of BTCUSDT_1h.csv",)


def test_too_few_bars_for_one_coarser_bar_is_an_error(tmp_path: Path) -> None:
    write_lines(tmp_path, SOUND)

    with pytest.raises(DataError, match="8 bars of 1h do not make one whole bar of 1d"):
        load_candles(tmp_path, "BTC", "1d")


def test_a_timeframe_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="timeframe = '2h'"):
        load_candles(tmp_path, "BTC", "2h")


def test_the_digest_depends_on_every_value_and_on_nothing_else(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_candles(tmp_path / folder / "BTCUSDT_1h.csv", bars=20, seed=3)
    candles, again = (load_candles(tmp_path / folder, "BTC", "1h") for folder in ("a", "b"))
    volume = candles.volume.copy()
    volume[7] += 1e-9

    assert candles.digest() == again.digest()
    assert candles.evolve(volume=volume).digest() != candles.digest()
    assert candles.evolve(book={"bid": candles.close}).digest() != candles.digest()


def test_columns_of_different_lengths_do_not_make_candles(tmp_path: Path) -> None:
    write_lines(tmp_path, SOUND)
    candles = load_candles(tmp_path, "BTC", "1h")

    with pytest.raises(ValueError, match="different lengths"):
        candles.evolve(close=candles.close[1:])
