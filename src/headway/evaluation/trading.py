"""What a series of returns is worth: performance, and intervals that say how much of it may be chance.

Rows are bars. returns_r: simple returns of the equity, after costs; position_r: held over the bar, as a share of the
equity; traded_r: value traded at the start of the bar, as a share of the equity. docs/results.md tells people the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject, finite
from headway.evaluation.bootstrap import Floats, estimate_block_bars, percentile_interval, resample_sharpes

Interval = tuple[float, float]

MIN_BARS = 30  # fewer give no interval: a bootstrap of so few says nothing


@dataclass(frozen=True)
class Performance:
    """How a trader did over a window, after costs. Fractions: 0.2 is 20 %.

    turnover: traded value per year in units of the equity, buying and selling both counted; exposure_fraction: part
    of the bars with a position; trades: those that were closed; sharpe_low, sharpe_high: 95 % interval.
    """

    bars: int
    return_fraction: float
    max_drawdown_fraction: float
    volatility_fraction: float | None  # annualised; None with fewer than two bars
    sharpe: float | None  # annualised, no risk-free rate; None when nothing moved
    sharpe_low: float | None
    sharpe_high: float | None
    trades: int
    win_rate_fraction: float | None  # of the closed trades; None when none was closed
    turnover: float
    exposure_fraction: float

    def to_json(self) -> JsonObject:
        return {
            name: finite(value) if isinstance(value, float) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Account:
    """What one symbol's trader held, traded and earned, bar by bar."""

    returns_r: Floats
    position_r: Floats
    traded_r: Floats

    def __post_init__(self) -> None:
        _require_returns(self.returns_r)
        for name, array in (("position_r", self.position_r), ("traded_r", self.traded_r)):
            if len(array) != len(self.returns_r):
                raise InvalidInput(name, len(array), f"as many rows as returns_r: {len(self.returns_r)}")


@dataclass(frozen=True)
class Trade:
    """A stretch of bars with one non-zero sign of the position; rows from `first` to before `end`.

    growth: log growth of the equity, with the costs of entering and, once closed, of leaving.
    """

    first: int
    end: int
    sign: int
    growth: float
    closed: bool

    @property
    def is_win(self) -> bool:
        return self.growth > 0.0


def evaluate(
    returns_r: Floats,
    position_r: Floats,
    traded_r: Floats,
    *,
    bars_per_year: float,
    seed: int,
    cost_fraction: float,
) -> Performance:
    """Performance of one symbol's trader. `cost_fraction`: fee and slippage, as a fraction of the traded value."""
    account = Account(returns_r, position_r, traded_r)
    return evaluate_pool(
        returns_r, (account,), bars_per_year=bars_per_year, seed=seed, cost_fraction=cost_fraction
    )


def evaluate_pool(
    returns_r: Floats,
    accounts: Sequence[Account],
    *,
    bars_per_year: float,
    seed: int,
    cost_fraction: float,
) -> Performance:
    """Performance of a capital divided among accounts: `returns_r` are those of the whole.

    Trades are those of all accounts; turnover and exposure are means over the accounts.
    """
    _require_returns(returns_r)
    closed = [trade for a in accounts for trade in trades_of(a, cost_fraction=cost_fraction) if trade.closed]
    interval = sharpe_interval(returns_r, bars_per_year=bars_per_year, seed=seed)
    return Performance(
        bars=len(returns_r),
        return_fraction=float(np.expm1(np.log1p(returns_r).sum())),
        max_drawdown_fraction=float(drawdown_r(returns_r).max()),
        volatility_fraction=_volatility(returns_r, bars_per_year),
        sharpe=sharpe_of(returns_r, bars_per_year=bars_per_year),
        sharpe_low=interval[0] if interval else None,
        sharpe_high=interval[1] if interval else None,
        trades=len(closed),
        win_rate_fraction=float(np.mean([trade.is_win for trade in closed])) if closed else None,
        turnover=float(np.mean([a.traded_r.mean() for a in accounts])) * bars_per_year,
        exposure_fraction=float(np.mean([(a.position_r != 0.0).mean() for a in accounts])),
    )


def sharpe_of(returns_r: Floats, *, bars_per_year: float) -> float | None:
    """Mean over standard deviation of the returns, annualised (Sharpe 1994); None when nothing moved."""
    if not _moves(returns_r):
        return None
    return float(returns_r.mean() / returns_r.std(ddof=1)) * math.sqrt(bars_per_year)


def drawdown_r(returns_r: Floats) -> Floats:
    """How far the equity is below its highest value so far, the start included: 0.2 is 20 % below."""
    growth = np.cumsum(np.log1p(returns_r))
    peak = np.maximum.accumulate(np.maximum(growth, 0.0))
    return np.asarray(-np.expm1(growth - peak))


def trades_of(account: Account, *, cost_fraction: float) -> tuple[Trade, ...]:
    """The trades in the order of time; the last is open when the window ends while it is held.

    The return of a bar pays for all that is traded at its start. Where the sign changes, the part of that cost which
    left the old position is charged to the old trade: `traded` less what the new position needed.
    """
    sign = np.sign(account.position_r).astype(np.int64)
    traded = account.traded_r
    leaving = np.divide(
        traded - np.abs(account.position_r), traded, out=np.zeros(len(traded)), where=traded > 0.0
    )
    exit_cost = leaving * np.log1p(-np.minimum(cost_fraction * traded, 1.0 - 1e-6))
    growth = np.append(0.0, np.cumsum(np.log1p(account.returns_r)))
    cuts = np.append(np.flatnonzero(np.diff(sign, prepend=0)), len(sign))
    trades = []
    for first, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        if sign[first] == 0:
            continue
        closed = end < len(sign)
        earned = growth[end] - growth[first] - exit_cost[first] + (exit_cost[end] if closed else 0.0)
        trades.append(Trade(first, end, int(sign[first]), float(earned), closed))
    return tuple(trades)


def monthly_returns(at_s_r: NDArray[np.int64], returns_r: Floats) -> list[tuple[int, int, float]]:
    """(year, month, compounded return) in UTC. `at_s_r` is when a bar ended: midnight ends the month before."""
    ended = [datetime.fromtimestamp(at_s - 1, UTC) for at_s in at_s_r.tolist()]
    rows = zip(((at.year, at.month) for at in ended), np.log1p(returns_r).tolist(), strict=True)
    return [
        (year, month, float(np.expm1(sum(growth for _, growth in bars))))
        for (year, month), bars in groupby(rows, key=lambda row: row[0])
    ]


def sharpe_interval(
    returns_r: Floats, *, bars_per_year: float, seed: int, level: float = 0.95, replications: int = 2_000
) -> Interval | None:
    """Percentile interval of the annualised Sharpe ratio by the stationary bootstrap.

    None with fewer than 30 bars, or where so little moves that resamples have no Sharpe ratio.
    """
    if len(returns_r) < MIN_BARS or not _moves(returns_r):
        return None
    sharpes = resample_sharpes(
        returns_r[:, None],
        block_bars=estimate_block_bars(_influence(returns_r)),
        seed=seed,
        replications=replications,
    )
    return percentile_interval(sharpes[:, 0] * math.sqrt(bars_per_year), level)


def sharpe_difference_interval(
    a_r: Floats,
    b_r: Floats,
    *,
    bars_per_year: float,
    seed: int,
    level: float = 0.95,
    replications: int = 2_000,
) -> Interval | None:
    """Percentile interval of Sharpe(a) - Sharpe(b), both resampled at the same bars (Ledoit and Wolf 2008).

    None where `sharpe_interval` of one of them would be; InvalidInput when the bars are not the same.
    """
    if len(a_r) != len(b_r):
        raise InvalidInput(
            "b_r", len(b_r), f"as many rows as a_r: {len(a_r)}", remedy="Use the same bars for both"
        )
    if len(a_r) < MIN_BARS or not (_moves(a_r) and _moves(b_r)):
        return None
    sharpes = resample_sharpes(
        np.stack([a_r, b_r], axis=1),
        block_bars=estimate_block_bars(_influence(a_r) - _influence(b_r)),
        seed=seed,
        replications=replications,
    )
    return percentile_interval((sharpes[:, 0] - sharpes[:, 1]) * math.sqrt(bars_per_year), level)


def excludes_zero(interval: Interval | None) -> bool | None:
    """Whether an interval lies on one side of 0; None where there is none."""
    return None if interval is None else bool(interval[0] > 0.0 or interval[1] < 0.0)


def _influence(returns_r: Floats) -> Floats:
    """What each bar adds to the Sharpe ratio, to first order: its blocks are the ones that matter."""
    spread = float(returns_r.std())
    centred = (returns_r - returns_r.mean()) / spread
    return np.asarray(centred - 0.5 * float(returns_r.mean()) / spread * (centred**2 - 1.0))


def _moves(returns_r: Floats) -> bool:
    return len(returns_r) > 1 and float(returns_r.std()) > 1e-12 * float(np.abs(returns_r).max())


def _volatility(returns_r: Floats, bars_per_year: float) -> float | None:
    return float(returns_r.std(ddof=1)) * math.sqrt(bars_per_year) if len(returns_r) > 1 else None


def _require_returns(returns_r: Floats) -> None:
    if len(returns_r) == 0:
        raise InvalidInput("returns_r", 0, "at least one bar")
    wrong = np.flatnonzero(~(np.isfinite(returns_r) & (returns_r > -1.0)))
    if len(wrong):
        row = int(wrong[0])
        raise InvalidInput(f"returns_r[{row}]", float(returns_r[row]), "finite and above -1")
