"""The test window as tables for who wants to draw it: `equity.parquet` bar by bar, and `trades.parquet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headway.engines.ppo.accounts import Floats
from headway.engines.ppo.market import Market
from headway.engines.ppo.play import Ledger, pool_returns
from headway.engines.ppo.report import SymbolResult
from headway.evaluation.trading import Account, Trade, trades_of
from headway.markets.candles import Candles

_TIME = pl.Datetime("ms", "UTC")
_TRADES = {
    "symbol": pl.String,
    "side": pl.String,
    "size_fraction": pl.Float64,
    "entered_at": pl.Int64,
    "entry_price": pl.Float64,
    "exited_at": pl.Int64,
    "exit_price": pl.Float64,
    "bars": pl.Int64,
    "pnl_fraction": pl.Float64,
}


def tabulate_equity(results: Sequence[SymbolResult], test: Market) -> pl.DataFrame:
    """A row for each close of the test window, first of all symbols together (`symbol` null), then of each.

    `timestamp` is the close (UTC); `equity` and `hold_equity` are multiples of the capital at the start, after costs:
    1 at the first close.
    """
    times = times_of(test)
    agent, hold = [r.agent_ledger for r in results], [r.hold_ledger for r in results]
    begin_at_s = min(int(times[own.symbol][0]) for own in agent)
    parts = [_tabulate_curve(None, begin_at_s, _pool(agent), _pool(hold))]
    for own, held in zip(agent, hold, strict=True):
        curves = ((ledger.at_s_r, ledger.equity_r) for ledger in (own, held))
        parts.append(_tabulate_curve(own.symbol, int(times[own.symbol][0]), *curves))
    return pl.concat(parts)


def tabulate_trades(
    results: Sequence[SymbolResult], test: Market, candles: Sequence[Candles], *, cost_fraction: float
) -> pl.DataFrame:
    """A row for each trade of the agent, in the order of their entries; exit columns are null where it is still open.

    Prices are closes; `size_fraction` is the position at the entry as a share of the equity; `pnl_fraction` what the
    equity gained while it was held, after the costs of entering and leaving; `bars` it was held for.
    """
    times, bars = times_of(test), {each.symbol: each for each in candles}
    rows = [
        _describe(trade, own, times[own.symbol], bars[own.symbol])
        for own in (result.agent_ledger for result in results)
        for trade in trades_of(
            Account(own.returns_r, own.position_r, own.traded_r), cost_fraction=cost_fraction
        )
    ]
    table = pl.DataFrame(rows, schema=_TRADES)
    return table.with_columns(_to_time("entered_at"), _to_time("exited_at")).sort("entered_at", "symbol")


def times_of(market: Market) -> Mapping[str, NDArray[np.int64]]:
    """{symbol: its closes, seconds since the epoch}."""
    return {symbol: market.at_s_r[low:high] for symbol, low, high in market.segments}


def _pool(books: Sequence[Ledger]) -> tuple[NDArray[np.int64], Floats]:
    at_s, returns = pool_returns(tuple(books))
    return at_s, np.asarray(np.cumprod(1.0 + returns), np.float64)


def _tabulate_curve(
    symbol: str | None,
    begin_at_s: int,
    agent: tuple[NDArray[np.int64], Floats],
    hold: tuple[NDArray[np.int64], Floats],
) -> pl.DataFrame:
    at_s = np.append(begin_at_s, agent[0])
    columns = {
        "symbol": pl.Series([symbol] * len(at_s), dtype=pl.String),
        "timestamp": pl.Series(at_s),
        "equity": pl.Series(np.append(1.0, agent[1])),
        "hold_equity": pl.Series(np.append(1.0, hold[1])),
    }
    return pl.DataFrame(columns).with_columns(_to_time("timestamp"))


def _to_time(name: str) -> pl.Expr:
    return (pl.col(name) * 1_000).cast(_TIME)


def _describe(trade: Trade, own: Ledger, times: NDArray[np.int64], candles: Candles) -> dict[str, Any]:
    entered_at_s = int(times[trade.first])
    exited_at_s = int(times[trade.end]) if trade.closed else None
    return {
        "symbol": own.symbol,
        "side": "long" if trade.sign > 0 else "short",
        "size_fraction": abs(float(own.position_r[trade.first])),
        "entered_at": entered_at_s,
        "entry_price": _close_at(candles, entered_at_s),
        "exited_at": exited_at_s,
        "exit_price": None if exited_at_s is None else _close_at(candles, exited_at_s),
        "bars": trade.end - trade.first,
        "pnl_fraction": float(np.expm1(trade.growth)),
    }


def _close_at(candles: Candles, at_s: int) -> float:
    return float(candles.close[np.searchsorted(candles.at_s, at_s)])
