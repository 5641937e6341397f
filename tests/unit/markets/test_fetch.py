"""Fetching: pages, resuming, what is never written, and the adapter for ccxt. No network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headway.domain.errors import DataError, InvalidInput
from headway.markets.exchange import CcxtExchange, Rows, open_exchange
from headway.markets.fetch import fetch_candles
from headway.markets.load import load_candles
from tests.unit.markets.files import write_lines

_SINCE = datetime(2022, 1, 1, tzinfo=UTC)
_SINCE_MS = int(_SINCE.timestamp() * 1000)
_HOUR_MS = 3_600_000


@dataclass
class _Exchange:
    """Hourly bars from `listed_ms` on; the bar that holds `now_ms` is still open and is told too."""

    now_ms: int
    listed_ms: int = _SINCE_MS
    page: int = 50
    fail_after: int = 1000
    odd: dict[int, Sequence[float | None]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def fetch_ohlcv(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
        assert (pair, timeframe) == ("BTC/USDT", "1h")
        if len(self.asked) >= self.fail_after:
            raise DataError("the line is cut")
        self.asked.append(since_ms)
        first = max(since_ms, self.listed_ms)
        times = range(first, min(first + min(limit, self.page) * _HOUR_MS, self.now_ms), _HOUR_MS)
        in_reach = first < since_ms + 1000 * _HOUR_MS
        return [self.odd.get(at, [at, *_values(at)]) for at in times] if in_reach else []

    def milliseconds(self) -> int:
        return self.now_ms


def _values(at_ms: int) -> list[float]:
    number = (at_ms - _SINCE_MS) // _HOUR_MS
    return [10 + number, 12.5 + number, 9 + number, 11 + number, 0.1 * number]


def _at(hours: float) -> int:
    return _SINCE_MS + int(hours * _HOUR_MS)


def test_pages_become_one_file_that_loads(tmp_path: Path) -> None:
    exchange = _Exchange(now_ms=_at(120))

    fetched = fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path)

    assert (fetched.added, fetched.continued) == (120, False)
    assert (fetched.first_open, fetched.last_open) == ("2022-01-01T00:00:00Z", "2022-01-05T23:00:00Z")
    assert exchange.asked == [_at(0), _at(50), _at(100)]
    candles = load_candles(tmp_path, "BTC", "1h")
    assert len(candles) == 120
    assert candles.volume[3] == 0.1 * 3
    assert [path.name for path in tmp_path.iterdir()] == ["BTCUSDT_1h.csv"]


@pytest.mark.parametrize(("now", "bars"), [(9.99, 9), (10, 10), (10.5, 10)])
def test_only_bars_that_have_closed_are_written(tmp_path: Path, now: float, bars: int) -> None:
    assert fetch_candles(_Exchange(now_ms=_at(now)), "BTC", "1h", _SINCE, None, tmp_path).added == bars


def test_until_is_not_included(tmp_path: Path) -> None:
    fetched = fetch_candles(
        _Exchange(now_ms=_at(100)), "BTC", "1h", _SINCE, _SINCE + timedelta(hours=7), tmp_path
    )

    assert (fetched.added, fetched.last_open) == (7, "2022-01-01T06:00:00Z")


def test_since_inside_a_bar_begins_with_the_next(tmp_path: Path) -> None:
    exchange = _Exchange(now_ms=_at(10))

    fetched = fetch_candles(exchange, "BTC", "1h", _SINCE + timedelta(minutes=30), None, tmp_path)

    assert fetched.first_open == "2022-01-01T01:00:00Z"


def test_a_cut_fetch_keeps_its_pages_and_goes_on_from_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line is cut"):
        fetch_candles(_Exchange(now_ms=_at(120), fail_after=2), "BTC", "1h", _SINCE, None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["BTCUSDT_1h.csv.partial"]
    again = _Exchange(now_ms=_at(120))

    fetched = fetch_candles(again, "BTC", "1h", _SINCE, None, tmp_path)

    assert again.asked == [_at(100)]
    assert (fetched.added, fetched.continued) == (20, True)
    straight = fetch_candles(_Exchange(now_ms=_at(120)), "BTC", "1h", _SINCE, None, tmp_path / "straight")
    assert fetched.path.read_bytes() == straight.path.read_bytes()


def test_a_torn_last_line_is_fetched_again(tmp_path: Path) -> None:
    whole = fetch_candles(_Exchange(now_ms=_at(60)), "BTC", "1h", _SINCE, None, tmp_path / "whole").path
    (tmp_path / "BTCUSDT_1h.csv.partial").write_bytes(whole.read_bytes()[:1005])

    fetched = fetch_candles(_Exchange(now_ms=_at(60)), "BTC", "1h", _SINCE, None, tmp_path)

    assert fetched.path.read_bytes() == whole.read_bytes()


def test_a_finished_file_is_continued_and_stays_whole_until_the_end(tmp_path: Path) -> None:
    path = fetch_candles(_Exchange(now_ms=_at(60)), "BTC", "1h", _SINCE, None, tmp_path).path
    before = path.read_bytes()
    with pytest.raises(DataError, match="line is cut"):
        fetch_candles(_Exchange(now_ms=_at(130), fail_after=1), "BTC", "1h", _SINCE, None, tmp_path)
    assert path.read_bytes() == before

    fetched = fetch_candles(_Exchange(now_ms=_at(130)), "BTC", "1h", _SINCE, None, tmp_path)

    assert (fetched.added, fetched.continued) == (20, True)
    assert len(load_candles(tmp_path, "BTC", "1h")) == 130


def test_a_later_since_makes_no_hole_in_a_file_that_is_there(tmp_path: Path) -> None:
    fetch_candles(_Exchange(now_ms=_at(10)), "BTC", "1h", _SINCE, None, tmp_path)

    fetch_candles(_Exchange(now_ms=_at(200)), "BTC", "1h", _SINCE + timedelta(days=5), None, tmp_path)

    assert len(load_candles(tmp_path, "BTC", "1h")) == 200


def test_nothing_new_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    exchange = _Exchange(now_ms=_at(10))
    path = fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path).path
    before = path.read_bytes()

    assert fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path).added == 0
    assert path.read_bytes() == before


def test_a_file_newer_than_an_old_part_is_what_the_fetch_goes_on_from(tmp_path: Path) -> None:
    part = write_lines(tmp_path, ["2022-01-03T00:00:00Z,1,1,1,1,1"], name="BTCUSDT_1h.csv.partial")
    os.utime(part, (0, 0))
    write_lines(tmp_path, ["2022-01-01T00:00:00Z,1,1,1,1,1"])

    fetched = fetch_candles(_Exchange(now_ms=_at(5)), "BTC", "1h", _SINCE, None, tmp_path)

    assert (fetched.first_open, fetched.added) == ("2022-01-01T00:00:00Z", 4)


@pytest.mark.parametrize(
    ("header", "line"),
    [("date,close", "2022-01-01,1"), ("timestamp,open,high,low,close,volume", "1640995200,1,1,1,1,1")],
)
def test_a_file_of_another_kind_is_neither_continued_nor_touched(
    tmp_path: Path, header: str, line: str
) -> None:
    path = write_lines(tmp_path, [line], header=header)
    before = path.read_bytes()

    with pytest.raises(DataError, match="was not written by `headway data fetch`"):
        fetch_candles(_Exchange(now_ms=_at(10)), "BTC", "1h", _SINCE, None, tmp_path)

    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_symbol_listed_later_begins_at_its_listing(tmp_path: Path) -> None:
    exchange = _Exchange(now_ms=_at(5010), listed_ms=_at(5000))

    fetched = fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path)

    assert fetched.added == 10


def test_an_exchange_without_the_symbol_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    exchange = _Exchange(now_ms=_at(300), listed_ms=_at(10_000))

    with pytest.raises(DataError, match="no closed 1h candles of BTC/USDT from 2022-01-01 on"):
        fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_rows_out_of_order_or_twice_are_put_right(tmp_path: Path) -> None:
    class Disorderly(_Exchange):
        def fetch_ohlcv(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
            rows = super().fetch_ohlcv(pair, timeframe, since_ms, limit)
            return [*reversed(rows), *rows[:3], [since_ms - _HOUR_MS, 1, 1, 1, 1, 1]]

    fetch_candles(Disorderly(now_ms=_at(120)), "BTC", "1h", _SINCE, None, tmp_path)

    assert len(load_candles(tmp_path, "BTC", "1h")) == 120


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_value_the_exchange_does_not_give_is_an_error_not_a_guess(
    tmp_path: Path, value: float | None
) -> None:
    exchange = _Exchange(now_ms=_at(10), odd={_at(3): [_at(3), 1, 1, 1, 1, value]})

    with pytest.raises(DataError, match=r"volume = \w+ for the bar of 2022-01-01T03:00:00Z"):
        fetch_candles(exchange, "BTC", "1h", _SINCE, None, tmp_path)


def test_a_symbol_that_is_no_plain_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="letters and digits only"):
        fetch_candles(_Exchange(now_ms=_at(10)), "../BTC", "1h", _SINCE, None, tmp_path)


class _Cut(Exception):
    """Stands for a network error of ccxt."""


@dataclass
class _Client:
    failures: list[Exception]
    id: str = "someplace"

    def fetch_ohlcv(self, pair: str, timeframe: str, since: int, limit: int) -> Rows:
        if self.failures:
            raise self.failures.pop(0)
        return [[since, 1.0, 1.0, 1.0, 1.0, float(limit)]]

    def milliseconds(self) -> int:
        return 5


def _adapt(client: _Client) -> tuple[CcxtExchange, list[float]]:
    pauses: list[float] = []
    return CcxtExchange(client, _Cut, ArithmeticError, pause=pauses.append), pauses


def test_a_cut_line_is_tried_again_with_longer_pauses() -> None:
    exchange, pauses = _adapt(_Client([_Cut(), _Cut(), _Cut()]))

    assert exchange.fetch_ohlcv("BTC/USDT", "1h", 7, 9) == [[7, 1.0, 1.0, 1.0, 1.0, 9.0]]
    assert pauses == [1.0, 2.0, 4.0]
    assert exchange.milliseconds() == 5


def test_an_exchange_that_stays_away_is_an_error_that_says_how_to_go_on() -> None:
    exchange, pauses = _adapt(_Client([_Cut("away")] * 10))

    with pytest.raises(DataError, match=r"someplace did not answer 6 times: away.*goes on from there"):
        exchange.fetch_ohlcv("BTC/USDT", "1h", 7, 9)
    assert len(pauses) == 5


def test_a_refusal_is_not_tried_again() -> None:
    exchange, pauses = _adapt(_Client([ArithmeticError("no such pair")]))

    with pytest.raises(DataError, match="someplace refused XYZ/USDT 1h: no such pair"):
        exchange.fetch_ohlcv("XYZ/USDT", "1h", 7, 9)
    assert pauses == []


def test_an_exchange_is_opened_by_its_name_and_an_unknown_name_is_refused() -> None:
    pytest.importorskip("ccxt")

    assert open_exchange("binance").milliseconds() > _SINCE_MS
    with pytest.raises(InvalidInput, match="exchange = 'nowhere'"):
        open_exchange("nowhere")
