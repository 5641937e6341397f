"""The test window as tables, and read again for charts: the numbers are those of the books."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from headway.domain.errors import InvalidInput
from headway.domain.manifest import DataSource
from headway.domain.outcomes import Span
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.market import Market, join_markets
from headway.engines.ppo.play import Ledger, hold, keep_books, pool_returns
from headway.engines.ppo.report import SymbolResult
from headway.engines.ppo.tables import tabulate_equity, tabulate_trades, times_of
from headway.engines.tables import write_table
from headway.evaluation.traded import read_equity, read_trades
from headway.evaluation.trading import Performance, drawdown_r, evaluate
from headway.markets.candles import Candles
from tests.fakes.markets import noise_market

RULES = Rules()
ALL = Span()


@cache
def make_market() -> Market:
    return join_markets(
        [replace(noise_market(600, seed), symbols=(name,)) for seed, name in enumerate(("BTC", "ETH"))]
    )


def candles_of(market: Market) -> list[Candles]:
    """The candles that a market could have been made from."""
    found = []
    for symbol, low, high in market.segments:
        close = np.asarray(100.0 * np.cumprod(1.0 + market.returns_r[low:high]), np.float64)
        source = DataSource(f"{symbol}USDT_1h.csv", "file", "ab" * 32, high - low, "", "")
        at_s = market.at_s_r[low:high]
        found.append(Candles(symbol, "1h", at_s, close, close, close, close, close, None, source))
    return found


@cache
def make_results() -> tuple[SymbolResult, ...]:
    market = make_market()
    actions = np.repeat(np.random.default_rng(7).integers(0, 3, len(market) // 10), 10)
    return tuple(
        SymbolResult(own.symbol, judge(own), judge(held), own, held)
        for own, held in zip(keep_books(market, RULES, actions), hold(market, RULES), strict=True)
    )


def judge(book: Ledger) -> Performance:
    return evaluate(
        book.returns_r,
        book.position_r,
        book.traded_r,
        bars_per_year=8_766.0,
        seed=1,
        cost_fraction=RULES.cost_fraction,
    )


@pytest.fixture
def equity(tmp_path: Path) -> Path:
    path = tmp_path / "equity.parquet"
    write_table(path, tabulate_equity(make_results(), make_market()))
    return path


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    market = make_market()
    path = tmp_path / "trades.parquet"
    table = tabulate_trades(make_results(), market, candles_of(market), cost_fraction=RULES.cost_fraction)
    write_table(path, table)
    return path


def test_the_curve_of_all_is_that_of_the_divided_capital(equity: Path) -> None:
    found = read_equity(equity, None, ALL, 5_000)
    _, returns = pool_returns(tuple(result.agent_ledger for result in make_results()))

    assert (found.symbol, found.symbols, found.rows) == (None, ("BTC", "ETH"), 600)
    assert found.agent == pytest.approx([1.0, *np.cumprod(1.0 + returns)])
    assert found.agent_drawdown[1:] == pytest.approx(-drawdown_r(returns))


def test_the_curve_of_a_symbol_begins_at_its_first_close_with_its_capital(equity: Path) -> None:
    found = read_equity(equity, "ETH", ALL, 5_000)
    own = make_results()[1]

    assert found.at_s[0] == times_of(make_market())["ETH"][0]
    assert (found.agent[0], found.hold[0]) == (1.0, 1.0)
    assert found.agent[-1] - 1 == pytest.approx(own.agent.return_fraction)
    assert min(found.hold_drawdown) == pytest.approx(-own.buy_and_hold.max_drawdown_fraction)


def test_a_thinned_curve_keeps_the_deepest_drawdown_and_a_part_of_it_is_finer(equity: Path) -> None:
    whole, thin = read_equity(equity, "BTC", ALL, 5_000), read_equity(equity, "BTC", ALL, 60)
    part = read_equity(equity, "BTC", Span(whole.at_s[100], whole.at_s[149]), 60)

    assert len(thin.at_s) <= 60
    assert min(thin.agent_drawdown) == min(whole.agent_drawdown)
    assert part.at_s == whole.at_s[100:150]
    assert part.agent_drawdown == whole.agent_drawdown[100:150]


def test_a_symbol_that_was_not_traded_is_refused(equity: Path) -> None:
    with pytest.raises(InvalidInput, match="one of BTC, ETH"):
        read_equity(equity, "DOGE", ALL, 100)


def test_trades_are_those_that_the_headline_counts(trades: Path) -> None:
    for result in make_results():
        found = read_trades(trades, result.symbol, 0, 1_000).trades
        closed = [trade for trade in found if trade.exited_at_s is not None]
        wins = [trade.pnl_fraction > 0 for trade in closed]

        assert len(closed) == result.agent.trades
        assert np.mean(wins) == pytest.approx(result.agent.win_rate_fraction)
        assert all(trade.bars > 0 and trade.size_fraction == 1.0 for trade in found)


def test_a_long_trade_earns_what_its_prices_say_less_the_costs(trades: Path) -> None:
    (first, *_) = [
        trade
        for trade in read_trades(trades, "BTC", 0, 1_000).trades
        if trade.side == "long" and trade.exit_price
    ]
    assert first.exit_price is not None
    gained = first.exit_price / first.entry_price
    cost = 1.0 - RULES.cost_fraction

    assert 1.0 + first.pnl_fraction == pytest.approx(gained * cost * cost, rel=1e-3)


def test_trades_come_page_by_page_in_the_order_of_their_entries(trades: Path) -> None:
    whole = read_trades(trades, None, 0, 10_000)
    pages = [read_trades(trades, None, offset, 25) for offset in range(0, whole.total, 25)]

    assert sum((page.trades for page in pages), ()) == whole.trades
    entered = [trade.entered_at_s for trade in whole.trades]
    assert entered == sorted(entered)


def test_an_agent_that_never_traded_leaves_an_empty_table(tmp_path: Path) -> None:
    market = make_market()
    idle = keep_books(market, RULES, np.full(len(market), RULES.flat))
    results = [replace(each, agent_ledger=book) for each, book in zip(make_results(), idle, strict=True)]
    write_table(tmp_path / "t", tabulate_trades(results, market, candles_of(market), cost_fraction=0.001))

    assert read_trades(tmp_path / "t", None, 0, 10).total == 0
