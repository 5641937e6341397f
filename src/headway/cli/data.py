"""`headway data`: fetch candles, check a file, list what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from headway.cli.exits import Exit
from headway.domain.clock import format_utc, parse_utc
from headway.domain.coverage import Coverage
from headway.domain.errors import DataError, HeadwayError, InvalidInput
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.catalog import (
    FileCatalog,
    Holding,
    find_holding,
    get_holding,
    list_holdings,
    read_file_name,
)
from headway.settings import read_settings

if TYPE_CHECKING:  # what reads candles needs an optional dependency
    from headway.markets.check import Report
    from headway.markets.exchange import Exchange, Rows
    from headway.markets.fetch import Fetched

app = typer.Typer(help="Candles: fetch them from an exchange, check a file.", no_args_is_help=True)

Timeframe = Annotated[str, typer.Option(help=f"One of {', '.join(TIMEFRAMES_S)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]

_DAY = ["%Y-%m-%d"]
_WIDTH = 110
_SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@app.command("fetch")
def fetch(
    symbol: Annotated[str, typer.Argument(help="Like BTC; it is fetched against USDT.")],
    *,
    timeframe: Timeframe = "1h",
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="First day, UTC.", show_default="2020-01-01")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Day to stop before, UTC.", show_default="now")
    ] = None,
    exchange: Annotated[str, typer.Option(help="Its name in ccxt.")] = "binance",
) -> None:
    """Fetch closed candles from an exchange into the candles folder; goes on where an earlier fetch stopped."""
    console = _console()
    base = symbol.upper().removesuffix("/USDT").removesuffix("USDT")
    span = (since.replace(tzinfo=UTC) if since else _SINCE, until and until.replace(tzinfo=UTC))
    with _errors_told(), console.status("asking the exchange") as status:
        told = _Told(_markets("exchange").open_exchange(exchange), status)
        fetched = _markets("fetch").fetch_candles(told, base, timeframe, *span, read_settings().candles_dir)
        report = _markets("check").check_file(fetched.path, timeframe)
    _show_fetched(fetched, span[0], console)
    _show_report(report, console)
    gaps_only = {problem.kind for problem in report.problems} <= {
        "gap"
    }  # exchanges have pauses: not our failure
    raise typer.Exit(Exit.DONE if gaps_only else Exit.ERROR)


@app.command("check")
def check(
    what: Annotated[
        str, typer.Argument(metavar="FILE_OR_SYMBOL", help="A CSV or Parquet file, or a symbol.")
    ],
    *,
    timeframe: Annotated[
        str | None, typer.Option(help="Default: as the file is named; 1h, else 1d, of a symbol.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List everything that is wrong with candles; exit code 1 when something is."""
    with _errors_told():
        report = (
            _check_path(Path(what), timeframe) if _is_path(what) else _check_symbol(what.upper(), timeframe)
        )
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        _show_report(report, _console())
    raise typer.Exit(Exit.DONE if report.ok else Exit.ERROR)


@app.command("list")
def list_candles(*, as_json: AsJson = False) -> None:
    """List the candles of the folder and the packaged ones."""
    with _errors_told():
        folder = read_settings().candles_dir
        catalog = FileCatalog(folder)
        found = [(holding, catalog.cover(holding)) for holding in list_holdings(folder)]
    if as_json:
        typer.echo(json.dumps([_to_json(*each) for each in found], indent=2))
    else:
        _show_holdings(found, folder, _console())


class _Told:
    """An exchange that shows on a status line how far it has been asked."""

    def __init__(self, exchange: Exchange, status: Status) -> None:
        self._exchange = exchange
        self._status = status

    def fetch_ohlcv(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
        self._status.update(
            f"{pair} {timeframe} from {format_utc(datetime.fromtimestamp(since_ms / 1000, UTC))}"
        )
        return self._exchange.fetch_ohlcv(pair, timeframe, since_ms, limit)

    def milliseconds(self) -> int:
        return self._exchange.milliseconds()


@contextmanager
def _errors_told() -> Iterator[None]:
    """Our errors as one line and an exit code: 2 for what was typed, 1 for all else."""
    try:
        yield
    except HeadwayError as error:
        _console(stderr=True).print(f"[red]error:[/] {escape(str(error))}")
        raise typer.Exit(Exit.USAGE if isinstance(error, InvalidInput) else Exit.ERROR) from error


def _is_path(what: str) -> bool:
    return Path(what).suffix in {".csv", ".parquet"} or Path(what).is_file()


def _check_path(path: Path, timeframe: str | None) -> Report:
    named = read_file_name(path)
    if timeframe is None and named is None:
        bound = "the file name does not tell it"
        raise InvalidInput(
            "timeframe", None, bound, remedy="Say --timeframe 1h, or name the file like BTCUSDT_1h.csv"
        )
    return _check_file(path, timeframe or (named[1] if named else ""))


def _check_symbol(symbol: str, timeframe: str | None) -> Report:
    folder = read_settings().candles_dir
    hourly = None if timeframe else find_holding(folder, symbol, "1h")
    daily = None if timeframe or hourly else find_holding(folder, symbol, "1d")
    holding = hourly or daily or get_holding(folder, symbol, timeframe or "1h")
    if holding.path is None:
        report: Report = _markets("packaged").report_packaged(holding)
        return report
    return _check_file(holding.path, holding.resampled_from or holding.timeframe)


def _check_file(path: Path, timeframe: str) -> Report:
    report: Report = _markets("check").check_file(path, timeframe)
    return report


def _markets(module: str) -> Any:
    """A module of the room that needs polars; DataError, with the remedy, when that is not installed."""
    try:
        return import_module(f"headway.markets.{module}")
    except ImportError as error:
        raise DataError(
            f'{error.name} is not installed. Install it with `pip install "headway[data]"`'
        ) from error


def _show_report(report: Report, console: Console) -> None:
    span = f", closing {report.first} to {report.last}" if report.first else ""
    console.print(escape(f"{report.path}: {report.rows} bars of {report.timeframe}{span}"))
    for problem in report.problems:
        console.print(f"[red]problem:[/] {escape(problem.message)}")
    if report.ok:
        console.print("[green]ok:[/] nothing is wrong")


def _show_fetched(fetched: Fetched, since: datetime, console: Console) -> None:
    verb = "continued" if fetched.continued else "wrote"
    console.print(escape(f"{verb} {fetched.path}: {fetched.added} new bars"))
    if parse_utc(fetched.first_open) > since:
        hint = "later than asked; if the exchange has earlier bars, move the file away and fetch again"
        console.print(f"[yellow]note:[/] the file begins at {fetched.first_open}, {hint}")


def _show_holdings(found: list[tuple[Holding, Coverage]], folder: Path, console: Console) -> None:
    console.print(escape(f"candles in {folder}, and packaged ones:"))
    if not found:
        console.print("none. Fetch some with `headway data fetch BTC`")
        return
    table = Table("symbol", "timeframe", "bars", "from", "to", "source", "", box=None, pad_edge=False)
    for holding, coverage in found:
        counted = "not counted" if coverage.rows is None else str(coverage.rows)
        span = (f"{at:{_DAY[0]}}" if at else "" for at in (coverage.first_at, coverage.last_at))
        row = (holding.symbol, holding.timeframe, counted, *span, holding.source, holding.label or "")
        table.add_row(*map(escape, row))
    console.width = max(console.width, _WIDTH)  # names can be copied whole
    console.print(table)
    for holding, coverage in found:
        if coverage.problem is not None:
            console.print(f"[yellow]{escape(holding.source)}[/]: {escape(coverage.problem)}")


def _to_json(holding: Holding, coverage: Coverage) -> dict[str, object]:
    return {
        **asdict(holding),
        "path": str(holding.path) if holding.path else None,
        "rows": coverage.rows,
        "first_at": coverage.first_at and format_utc(coverage.first_at),
        "last_at": coverage.last_at and format_utc(coverage.last_at),
        "problem": coverage.problem,
    }


def _console(*, stderr: bool = False) -> Console:
    """Lines are not wrapped: messages can be searched for and copied."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)
