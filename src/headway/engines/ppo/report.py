"""The report of a run: one HTML file that needs no network and no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.domain.manifest import Manifest
from headway.engines.pages import wording
from headway.engines.pages.charts import draw_ribbon
from headway.engines.pages.page import describe_manifest, render_page
from headway.engines.ppo import verdicts
from headway.engines.ppo.accounts import Floats, Rules
from headway.engines.ppo.figures import Validated, draw_forest, draw_training, draw_window
from headway.engines.ppo.play import Ledger, pool_returns
from headway.evaluation.trading import Interval, Performance, monthly_returns
from headway.wire.rundir import write_whole


@dataclass(frozen=True)
class Window:
    """A part of the bars: `train`, `validation` or `test`; first and last are dates or times as text."""

    name: str
    first: str
    last: str
    bars: int


@dataclass(frozen=True)
class SymbolResult:
    """One symbol in the test window. Both ledgers walk over the same bars."""

    symbol: str
    agent: Performance
    buy_and_hold: Performance
    agent_ledger: Ledger
    hold_ledger: Ledger

    def __post_init__(self) -> None:
        if not np.array_equal(self.agent_ledger.at_s_r, self.hold_ledger.at_s_r):
            raise ValueError(f"{self.symbol}: agent and buy and hold were not played over the same bars")


@dataclass(frozen=True)
class Training:
    """What the training came to; `best_step` is the step whose weights were tested."""

    steps: int
    elapsed_s: float
    best_step: int
    validations: Sequence[Validated]


@dataclass(frozen=True)
class ReportContents:
    """All that a report shows. `agent` and `buy_and_hold` are those of the capital divided among all symbols.

    `difference` is the 95 % interval of Sharpe(agent) - Sharpe(buy and hold); `data_label` says what the data are when
    they are not the user's own. `symbols` are those asked for: one without a result is shown as missing.
    """

    title: str
    manifest: Manifest
    symbols: tuple[str, ...]
    timeframe: str
    windows: tuple[Window, ...]
    rules: Rules
    training: Training
    agent: Performance
    buy_and_hold: Performance
    difference: Interval | None
    results: tuple[SymbolResult, ...]
    data_label: str | None = None
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.results:
            raise ValueError("a report needs the result of at least one symbol")


@dataclass(frozen=True)
class Costs:
    """Of one trader, as fractions of the capital at the start; `traded` in units of the equity at the time."""

    traded: float
    fees: float
    slippage: float
    return_before: float
    return_after: float


def write_report(path: Path, contents: ReportContents) -> None:
    """Write the report so that it is there whole or not at all."""
    write_whole(path, render_report(contents).encode())


def render_report(contents: ReportContents) -> str:
    """The HTML of a report."""
    return render_page(Path(__file__).parent / "templates", view_of(contents))


def view_of(contents: ReportContents) -> dict[str, Any]:
    """What the template is given: text and geometry only."""
    agent = tuple(result.agent_ledger for result in contents.results)
    hold = tuple(result.hold_ledger for result in contents.results)
    at_s, agent_returns = pool_returns(agent)
    _, hold_returns = pool_returns(hold)
    return {
        "c": contents,
        "w": wording,
        "v": verdicts,
        "verdict": verdicts.verdict(contents.difference),
        "comparison": _compare(contents.agent, contents.buy_and_hold),
        "forest": draw_forest(contents.agent, contents.buy_and_hold, contents.difference),
        "charts": draw_window(at_s, agent_returns, hold_returns),
        "training_charts": draw_training(contents.training.validations, contents.training.best_step),
        "months": _months(at_s, agent_returns, hold_returns),
        "symbols": [_symbol_view(symbol, contents) for symbol in contents.symbols],
        "costs": _costs(contents),
        "facts": describe_manifest(contents.manifest),
    }


def costs_of(ledger: Ledger, rules: Rules) -> Costs:
    """What trading cost; before costs, the same positions would have grown by their moves alone."""
    equity_r = np.append(1.0, ledger.equity_r)[:-1]
    value = float((ledger.traded_r * equity_r).sum()) / 10_000.0
    paid_log = np.log1p(-rules.cost_fraction * ledger.traded_r).sum()
    return Costs(
        traded=float(ledger.traded_r.sum()),
        fees=value * rules.fee_bps,
        slippage=value * rules.slippage_bps,
        return_before=float(np.expm1(ledger.growth_r.sum() - paid_log)),
        return_after=float(np.expm1(ledger.growth_r.sum())),
    )


def _costs(contents: ReportContents) -> list[tuple[str, Costs]]:
    """The costs of each symbol, and of the whole: equal parts of the capital make them the mean."""
    rows = [(result.symbol, costs_of(result.agent_ledger, contents.rules)) for result in contents.results]
    if len(rows) == 1:
        return rows
    means = np.mean([astuple(costs) for _, costs in rows], axis=0)
    return [*rows, ("All", Costs(*means.tolist()))]


def _compare(agent: Performance, hold: Performance) -> list[tuple[str, wording.Number, wording.Number]]:
    rows: list[tuple[str, Any]] = [
        ("Return", lambda p: wording.percent(p.return_fraction, signed=True)),
        ("Sharpe ratio, annualised", lambda p: wording.ratio(p.sharpe, verdicts.STILL)),
        (
            "95 % interval of the Sharpe ratio",
            lambda p: wording.between(verdicts.interval_of(p), verdicts.NO_INTERVAL),
        ),
        ("Largest drawdown", lambda p: wording.percent(p.max_drawdown_fraction)),
        ("Volatility, annualised", lambda p: wording.percent(p.volatility_fraction, "fewer than two bars")),
        ("Closed trades", lambda p: wording.count(p.trades)),
        ("Winning trades", lambda p: wording.percent(p.win_rate_fraction, "no trade was closed")),
        ("Turnover per year, times the equity", lambda p: wording.ratio(p.turnover, digits=1)),
        ("Bars with a position", lambda p: wording.percent(p.exposure_fraction)),
    ]
    return [(name, show(agent), show(hold)) for name, show in rows]


def _months(at_s: NDArray[np.int64], agent: Floats, hold: Floats) -> list[dict[str, Any]]:
    """A row for each year and trader: twelve months and the year; months outside the window are missing."""
    tables = {name: _by_year(at_s, returns) for name, returns in (("Agent", agent), ("Buy and hold", hold))}
    largest = max(abs(v) for years in tables.values() for months in years.values() for v in months.values())
    rows = []
    for year in tables["Agent"]:
        for name, years in tables.items():
            months = years[year]
            total = float(np.expm1(sum(np.log1p(value) for value in months.values())))
            cells = [
                (months.get(month), abs(months.get(month, 0.0)) / (largest or 1.0)) for month in range(1, 13)
            ]
            rows.append({"year": year, "name": name, "cells": cells, "total": total})
    return rows


def _by_year(at_s: NDArray[np.int64], returns: Floats) -> dict[int, dict[int, float]]:
    years: dict[int, dict[int, float]] = {}
    for year, month, value in monthly_returns(at_s, returns):
        years.setdefault(year, {})[month] = value
    return years


def _symbol_view(symbol: str, contents: ReportContents) -> dict[str, Any]:
    found = next((result for result in contents.results if result.symbol == symbol), None)
    if found is None:
        return {"symbol": symbol, "result": None}
    agent, hold = found.agent_ledger, found.hold_ledger
    points = min(200, max(50, 4_000 // len(contents.results)))  # many symbols must not make a heavy file
    charts = draw_window(agent.at_s_r, agent.returns_r, hold.returns_r, points=points)
    return {"symbol": symbol, "result": found, "chart": charts[0], "ribbon": draw_ribbon(agent.position_r)}
