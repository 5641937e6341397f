"""The test window of a PPO run, from the tables that the engine writes (`equity.parquet`, `trades.parquet`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from headway.domain.errors import InvalidInput
from headway.domain.outcomes import EquityCurve, Span, TradePage, TradeRow
from headway.evaluation.bootstrap import Floats
from headway.evaluation.spans import is_within
from headway.evaluation.thinning import keep_extremes


def read_equity(path: Path, symbol: str | None, span: Span, points: int) -> EquityCurve:
    """The curve of a symbol, or of all; InvalidInput for a symbol that is not in it. Drawdowns count from the start of
    the window, also where only a part of it is asked for."""
    table = pl.read_parquet(path)
    symbols = table["symbol"].drop_nulls().unique(maintain_order=True).to_list()
    if symbol is not None and symbol not in symbols:
        raise InvalidInput("symbol", symbol, f"one of {', '.join(symbols)}")
    own = table.filter(pl.col("symbol").eq_missing(pl.lit(symbol))).sort("timestamp")
    at_s = own["timestamp"].dt.epoch("s").to_numpy()
    agent, hold = own["equity"].to_numpy(), own["hold_equity"].to_numpy()
    within = is_within(at_s, span)
    curves = [curve[within] for curve in (agent, hold, _drawdown(agent), _drawdown(hold))]
    kept = keep_extremes(curves, points)
    drawn = [tuple(curve[kept].tolist()) for curve in curves]
    return EquityCurve(
        symbol=symbol,
        symbols=tuple(symbols),
        at_s=tuple(at_s[within][kept].tolist()),
        agent=drawn[0],
        hold=drawn[1],
        agent_drawdown=drawn[2],
        hold_drawdown=drawn[3],
        rows=int(within.sum()),
    )


def read_trades(path: Path, symbol: str | None, offset: int, count: int) -> TradePage:
    """Some of the trades of a symbol, or of all, in the order of their entries."""
    table = pl.read_parquet(path)
    if symbol is not None:
        table = table.filter(pl.col("symbol") == symbol)
    shown = table.sort("entered_at", "symbol").slice(offset, count)
    times = [pl.col(name).dt.epoch("s").alias(f"{name}_s") for name in ("entered_at", "exited_at")]
    rows = shown.with_columns(times).drop("entered_at", "exited_at").to_dicts()
    return TradePage(tuple(TradeRow(**row) for row in rows), offset, len(table))


def _drawdown(equity: Floats) -> Floats:
    return np.asarray(equity / np.maximum.accumulate(np.maximum(equity, 1.0)) - 1.0)
