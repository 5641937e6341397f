"""Performance and its intervals, against small sums done by hand and against arch's own bootstrap."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from headway.domain.errors import InvalidInput
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.play import hold, keep_books
from headway.evaluation.bootstrap import Floats, estimate_block_bars, resample_sharpes
from headway.evaluation.trading import (
    Account,
    Performance,
    drawdown_r,
    evaluate,
    evaluate_pool,
    excludes_zero,
    monthly_returns,
    sharpe_difference_interval,
    sharpe_interval,
    sharpe_of,
    trades_of,
)
from tests.fakes.markets import noise_market

YEAR = 8_766.0  # hours


def performance_of(account: Account, *, cost_fraction: float = 0.0) -> Performance:
    return evaluate(
        account.returns_r,
        account.position_r,
        account.traded_r,
        bars_per_year=YEAR,
        seed=1,
        cost_fraction=cost_fraction,
    )


def account_of(returns: list[float], positions: list[float], traded: list[float]) -> Account:
    return Account(np.array(returns), np.array(positions), np.array(traded))


def autoregression(bars: int, seed: int, *, keep: float, mean: float) -> Floats:
    """A first-order autoregression with variance 1."""
    shocks = np.random.default_rng(seed).standard_normal(bars + 50)
    values = np.empty_like(shocks)
    values[0] = shocks[0]
    for bar in range(1, len(shocks)):
        values[bar] = keep * values[bar - 1] + shocks[bar]
    return np.asarray(values[50:] * np.sqrt(1.0 - keep**2) + mean)


def test_performance_is_what_the_definitions_say() -> None:
    returns = [0.10, -0.20, 0.05, 0.0]
    found = performance_of(account_of(returns, [1.0, 1.0, -1.0, 0.0], [1.0, 0.0, 2.0, 1.0]))

    assert found.bars == 4
    assert found.return_fraction == pytest.approx(1.1 * 0.8 * 1.05 - 1.0)
    assert found.max_drawdown_fraction == pytest.approx(0.2)
    assert found.volatility_fraction == pytest.approx(np.std(returns, ddof=1) * np.sqrt(YEAR))
    assert found.sharpe == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * np.sqrt(YEAR))
    assert found.turnover == pytest.approx(YEAR)
    assert found.exposure_fraction == 0.75
    assert (found.trades, found.win_rate_fraction) == (2, 0.5)
    assert (found.sharpe_low, found.sharpe_high) == (None, None)


def test_a_trader_that_never_moved_has_no_sharpe_ratio_and_no_win_rate() -> None:
    still = np.zeros(500)
    found = performance_of(Account(still, still, still))

    assert (found.sharpe, found.sharpe_low, found.win_rate_fraction) == (None, None, None)
    assert (found.return_fraction, found.max_drawdown_fraction, found.turnover) == (0.0, 0.0, 0.0)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["sharpe"] is None


def test_returns_that_are_all_equal_have_no_sharpe_ratio() -> None:
    assert sharpe_of(np.full(100, 0.1), bars_per_year=YEAR) is None


def test_a_single_bar_has_neither_volatility_nor_sharpe_ratio() -> None:
    found = performance_of(account_of([0.1], [1.0], [1.0]))

    assert (found.volatility_fraction, found.sharpe) == (None, None)
    assert found.return_fraction == pytest.approx(0.1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_return_that_cannot_be_is_refused_with_its_row(value: float) -> None:
    with pytest.raises(InvalidInput, match=r"returns_r\[1\]"):
        performance_of(account_of([0.0, value], [1.0, 1.0], [1.0, 0.0]))


def test_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(InvalidInput, match="as many rows"):
        account_of([0.0, 0.1], [1.0], [1.0, 0.0])
    with pytest.raises(InvalidInput, match="at least one bar"):
        account_of([], [], [])


def test_the_drawdown_counts_from_the_start_of_the_window() -> None:
    assert drawdown_r(np.array([-0.1, 0.05, 0.2])) == pytest.approx([0.1, 1.0 - 0.9 * 1.05, 0.0])


def test_a_trade_that_is_still_open_at_the_end_is_not_counted() -> None:
    first, last = trades_of(account_of([0.1, 0.0, 0.1], [1.0, 0.0, -1.0], [1.0, 1.0, 1.0]), cost_fraction=0.0)

    assert (first.closed, first.sign, first.first, first.end) == (True, 1, 0, 1)
    assert (last.closed, last.sign, last.first, last.end) == (False, -1, 2, 3)


def test_a_trade_that_gains_less_than_entering_and_leaving_cost_is_a_loss() -> None:
    cost = 0.001
    gain = 0.0015
    account = account_of([(1 - cost) * (1 + gain) - 1.0, -cost], [1.0, 0.0], [1.0, 1.0])

    (trade,) = trades_of(account, cost_fraction=cost)

    assert trade.growth == pytest.approx(2 * np.log(1 - cost) + np.log(1 + gain))
    assert not trade.is_win


def test_the_costs_of_turning_a_position_around_are_shared_by_both_trades() -> None:
    cost = 0.001
    account = account_of(
        [(1 - cost) * 1.01 - 1.0, (1 - 2 * cost) * 1.01 - 1.0, -cost],
        [1.0, -1.0, 0.0],
        [1.0, 2.0, 1.0],
    )

    long, short = trades_of(account, cost_fraction=cost)

    each = np.log(1.01) + np.log(1 - cost) + 0.5 * np.log(1 - 2 * cost)
    assert [long.growth, short.growth] == pytest.approx([each, each])


def test_the_trades_of_a_ledger_add_up_to_all_that_it_earned() -> None:
    market, rules = noise_market(400, seed=3), Rules()
    actions = np.random.default_rng(4).integers(0, 3, len(market))
    actions[-3:] = rules.flat
    (ledger,) = keep_books(market, rules, actions)

    account = Account(ledger.returns_r, ledger.position_r, ledger.traded_r)
    trades = trades_of(account, cost_fraction=rules.cost_fraction)

    assert all(trade.closed for trade in trades)
    assert sum(trade.growth for trade in trades) == pytest.approx(float(ledger.growth_r.sum()))


def test_buy_and_hold_closes_no_trade() -> None:
    market, rules = noise_market(400, seed=3), Rules()
    (ledger,) = hold(market, rules)

    found = performance_of(
        Account(ledger.returns_r, ledger.position_r, ledger.traded_r), cost_fraction=rules.cost_fraction
    )

    assert (found.trades, found.win_rate_fraction, found.exposure_fraction) == (0, None, 1.0)


def test_a_pool_counts_the_trades_of_all_and_averages_what_they_traded() -> None:
    idle = account_of([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])
    busy = account_of([0.1, 0.0], [1.0, 0.0], [1.0, 1.0])

    found = evaluate_pool(np.array([0.05, 0.0]), (idle, busy), bars_per_year=YEAR, seed=1, cost_fraction=0.0)

    assert (found.trades, found.win_rate_fraction) == (1, 1.0)
    assert [found.turnover, found.exposure_fraction] == pytest.approx([YEAR / 2, 0.25])


def test_a_bar_that_ends_at_midnight_belongs_to_the_month_before() -> None:
    ends = ["2024-01-31T23:00:00Z", "2024-02-01T00:00:00Z", "2024-02-01T01:00:00Z", "2025-02-01T01:00:00Z"]
    at_s = np.array([int(datetime.fromisoformat(end).timestamp()) for end in ends])

    found = monthly_returns(at_s, np.array([0.1, 0.1, -0.5, 0.0]))

    assert [(year, month) for year, month, _ in found] == [(2024, 1), (2024, 2), (2025, 2)]
    assert [value for _, _, value in found] == pytest.approx([0.21, -0.5, 0.0])


def test_resampled_sharpe_ratios_are_spread_as_those_of_the_plain_bootstrap() -> None:
    returns = autoregression(300, 5, keep=0.4, mean=0.1)
    plain = StationaryBootstrap(6, returns, seed=1)
    wanted = np.array([values[0][0].mean() / values[0][0].std(ddof=1) for values in plain.bootstrap(4_000)])

    found = resample_sharpes(returns[:, None], block_bars=6.0, seed=2, replications=4_000)[:, 0]

    assert found.mean() == pytest.approx(wanted.mean(), abs=0.006)
    assert found.std() == pytest.approx(wanted.std(), rel=0.06)
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(np.quantile(wanted, [0.025, 0.975]), abs=0.02)


def test_a_block_as_long_as_the_window_changes_only_where_it_begins() -> None:
    returns = autoregression(200, 5, keep=0.4, mean=0.1)
    whole = returns.mean() / returns.std(ddof=1)

    found = resample_sharpes(returns[:, None], block_bars=1e9, seed=2, replications=50)

    assert found == pytest.approx(np.full((50, 1), whole))


def test_dependence_makes_blocks_longer_and_the_interval_wider() -> None:
    calm = autoregression(2_000, 7, keep=0.0, mean=0.05)
    sticky = autoregression(2_000, 7, keep=0.7, mean=0.05)

    assert estimate_block_bars(calm) < estimate_block_bars(sticky)
    widths = [
        high - low
        for series in (calm, sticky)
        for low, high in [sharpe_interval(series, bars_per_year=YEAR, seed=1) or (0.0, 0.0)]
    ]
    assert widths[1] > 1.5 * widths[0] > 0.0


@pytest.mark.parametrize("keep", [0.0, 0.4])
def test_the_interval_covers_the_true_sharpe_ratio_about_as_often_as_it_says(keep: float) -> None:
    truth, trials = 0.05, 150
    covered = 0
    for seed in range(trials):
        found = sharpe_interval(
            autoregression(400, seed, keep=keep, mean=truth), bars_per_year=1.0, seed=seed, replications=300
        )
        covered += found is not None and found[0] <= truth <= found[1]

    assert 0.88 <= covered / trials <= 0.99


def test_the_same_seed_gives_the_same_interval() -> None:
    returns = autoregression(500, 1, keep=0.2, mean=0.0)

    first, again = (sharpe_interval(returns, bars_per_year=YEAR, seed=9) for _ in range(2))

    assert first == again
    assert first != sharpe_interval(returns, bars_per_year=YEAR, seed=10)


def test_a_handful_of_moving_bars_gives_no_interval() -> None:
    returns = np.zeros(1_000)
    returns[[10, 500]] = 0.01, -0.02

    assert sharpe_interval(returns, bars_per_year=YEAR, seed=1) is None
    assert sharpe_interval(returns[:20] + 0.01, bars_per_year=YEAR, seed=1) is None
    assert sharpe_of(returns, bars_per_year=YEAR) is not None


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    market = autoregression(3_000, 3, keep=0.0, mean=0.0)
    better = market + 0.05 + 0.05 * autoregression(3_000, 4, keep=0.0, mean=0.0)

    single = sharpe_interval(better, bars_per_year=1.0, seed=1)
    pair = sharpe_difference_interval(better, market, bars_per_year=1.0, seed=1)

    assert single is not None
    assert pair is not None
    assert pair[1] - pair[0] < 0.5 * (single[1] - single[0])
    assert excludes_zero(pair) is True


def test_an_agent_that_only_holds_does_not_differ_from_holding() -> None:
    market = autoregression(300, 3, keep=0.0, mean=0.1)

    found = sharpe_difference_interval(market, market.copy(), bars_per_year=YEAR, seed=1)

    assert found == (0.0, 0.0)
    assert excludes_zero(found) is False
    assert excludes_zero(None) is None


def test_a_difference_of_other_bars_is_refused() -> None:
    with pytest.raises(InvalidInput, match="same bars"):
        sharpe_difference_interval(np.zeros(3), np.zeros(4), bars_per_year=YEAR, seed=1)
