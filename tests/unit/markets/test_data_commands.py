"""`headway data`: exit codes and what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from headway.cli.data import app
from headway.cli.exits import Exit
from tests.fakes.candles import write_candles
from tests.unit.markets.files import SOUND, spoil, write_lines

_SINCE_MS = 1_640_995_200_000
_HOUR_MS = 3_600_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HEADWAY_CONFIG", str(tmp_path / "none.toml"))
    return tmp_path / "candles"


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


class _Client:
    """A client as ccxt has them, with 30 hourly bars but for one."""

    id = "fakex"
    missing: int | None = None

    def __init__(self, _options: dict[str, Any]) -> None:
        return

    def fetch_ohlcv(self, pair: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        times = range(max(since, _SINCE_MS), _SINCE_MS + 30 * _HOUR_MS, _HOUR_MS)
        kept = [at for at in times if at != self.missing]
        return [[at, 10.0, 12.0, 9.0, 11.0, 1.0] for at in kept] if pair == "BTC/USDT" else []

    def milliseconds(self) -> int:
        return _SINCE_MS + 30 * _HOUR_MS


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> type[_Client]:
    """The package that is loaded by name is one with a single exchange."""

    class Client(_Client):
        pass

    module = ModuleType("ccxt")
    vars(module).update(exchanges=["fakex"], fakex=Client, NetworkError=OSError, BaseError=RuntimeError)
    monkeypatch.setitem(sys.modules, "ccxt", module)
    return Client


def test_check_of_a_sound_symbol_is_done(folder: Path) -> None:
    write_candles(folder / "BTCUSDT_1h.csv", bars=20, seed=1)

    result = _run("check", "btc")

    assert result.exit_code == Exit.DONE
    assert "20 bars of 1h" in result.output
    assert "ok" in result.output


def test_check_lists_every_problem_and_fails(folder: Path) -> None:
    path = write_lines(folder, spoil(3, "2022-01-01T02:00:00Z,10,12,9,[x],-1"))

    result = _run("check", str(path))

    assert result.exit_code == Exit.ERROR
    assert "row 3, column close: '[x]' is not a number" in result.output
    assert "row 3, column volume: '-1' is below 0" in result.output


def test_check_gives_json(folder: Path) -> None:
    path = write_lines(folder, SOUND)

    shown = json.loads(_run("check", str(path), "--json").output)

    assert (shown["ok"], shown["rows"], shown["timeframe"]) == (True, 8, "1h")


def test_check_of_a_packaged_symbol_takes_its_days(folder: Path) -> None:
    result = _run("check", "SP500")

    assert result.exit_code == Exit.DONE
    assert "5031 bars of 1d" in result.output


def test_check_of_what_is_not_there_says_how_to_get_it(folder: Path) -> None:
    result = _run("check", "XRP")

    assert result.exit_code == Exit.ERROR
    assert "headway data fetch XRP --timeframe 1h" in result.stderr


@pytest.mark.parametrize(
    "words", [("check", "x.csv"), ("check", "x.csv", "--timeframe", "7h"), ("check",), ("fetch",)]
)
def test_wrong_usage_has_its_own_exit_code(folder: Path, words: tuple[str, ...]) -> None:
    assert _run(*words).exit_code == Exit.USAGE


def test_list_tells_files_and_packaged_data_with_their_bars_and_days(folder: Path) -> None:
    write_candles(folder / "BTCUSDT_1h.csv", bars=20, seed=1)
    pl.read_csv(folder / "BTCUSDT_1h.csv").head(12).write_parquet(folder / "ETHUSDT_1h.parquet")

    shown = json.loads(_run("list", "--json").output)

    rows = {row["symbol"]: row["rows"] for row in shown}
    assert rows == {"BTC": 20, "ETH": 12, "SP500": 5031, "NASDAQ": 5031}
    assert shown[0]["path"] == str(folder / "BTCUSDT_1h.csv")
    assert shown[0]["first_at"] == shown[1]["first_at"] < shown[1]["last_at"] < shown[0]["last_at"]
    printed = _run("list").output
    assert "packaged demo data (arch)" in printed
    assert "BTCUSDT_1h.csv" in printed
    assert "1999-01-04" in printed


def test_list_tells_why_a_file_is_not_counted(folder: Path) -> None:
    folder.mkdir()
    (folder / "BTCUSDT_1h.parquet").write_text("no parquet")

    assert "BTCUSDT_1h.parquet: cannot be read as Parquet" in _run("list").output
    assert json.loads(_run("list", "--json").output)[0]["rows"] is None


@pytest.mark.parametrize("symbol", ["BTC", "btc/usdt", "BTCUSDT"])
def test_fetch_writes_into_the_candles_folder(folder: Path, exchange: type[_Client], symbol: str) -> None:
    result = _run("fetch", symbol, "--since", "2022-01-01", "--exchange", "fakex")

    assert result.exit_code == Exit.DONE
    assert "30 new bars" in result.output
    assert (folder / "BTCUSDT_1h.csv").is_file()
    assert "note" not in result.output


def test_fetch_says_when_the_exchange_begins_later_than_asked(folder: Path, exchange: type[_Client]) -> None:
    result = _run("fetch", "BTC", "--since", "2021-12-01", "--exchange", "fakex")

    assert result.exit_code == Exit.DONE
    assert "the file begins at 2022-01-01T00:00:00Z, later than asked" in result.output


def test_a_pause_of_the_exchange_is_told_and_is_no_failure_of_the_fetch(
    folder: Path, exchange: type[_Client]
) -> None:
    exchange.missing = _SINCE_MS + 5 * _HOUR_MS

    result = _run("fetch", "BTC", "--since", "2022-01-01", "--exchange", "fakex")

    assert result.exit_code == Exit.DONE
    assert "1 bars of 1h are missing" in result.output
    assert _run("check", "BTC").exit_code == Exit.ERROR


def test_fetch_of_a_symbol_that_the_exchange_lacks_fails(folder: Path, exchange: type[_Client]) -> None:
    result = _run("fetch", "XYZ", "--since", "2022-01-01", "--exchange", "fakex")

    assert result.exit_code == Exit.ERROR
    assert "no closed 1h candles of XYZ/USDT" in result.stderr


def test_fetch_from_an_unknown_exchange_is_wrong_usage(folder: Path, exchange: type[_Client]) -> None:
    result = _run("fetch", "BTC", "--exchange", "nowhere")

    assert result.exit_code == Exit.USAGE
    assert "exchange = 'nowhere'" in result.stderr


def test_fetch_without_ccxt_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)

    result = _run("fetch", "BTC")

    assert result.exit_code == Exit.ERROR
    assert 'pip install "headway[data]"' in result.stderr
