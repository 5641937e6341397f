"""Synthetic markets with known answers: a mean-reverting one with its optimum, and pure noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.engines.ppo.accounts import Floats, Rules
from headway.engines.ppo.market import Market

_GRID = 201
_REACH = 4.5  # the grid spans so many standard deviations each way
_SWEEPS = 400


@dataclass(frozen=True)
class MeanReversion:
    """The log price is a first-order autoregression around a constant: x' = keep * x + noise * e."""

    keep: float = 0.95
    noise: float = 0.0105

    @property
    def spread(self) -> float:
        """Standard deviation of the log price around its mean."""
        return self.noise / float(np.sqrt(1.0 - self.keep**2))

    def path(self, bars: int, seed: int) -> Floats:
        """Deviations of the log price, from the stationary distribution."""
        generator = np.random.default_rng(seed)
        shocks = generator.standard_normal(bars) * self.noise
        deviation = np.empty(bars)
        deviation[0] = generator.standard_normal() * self.spread
        for bar in range(1, bars):
            deviation[bar] = self.keep * deviation[bar - 1] + shocks[bar]
        return deviation


def market_of(log_price: Floats, features_rc: Floats, *, symbol: str = "SIM", bar_s: int = 3600) -> Market:
    """One symbol with the given features."""
    returns = np.append(0.0, np.expm1(np.diff(log_price)))
    return Market(
        symbols=(symbol,),
        offsets=(0, len(log_price)),
        names=tuple(f"f{k}" for k in range(features_rc.shape[1])),
        features_rc=features_rc.astype(np.float32),
        returns_r=returns,
        at_s_r=1_600_000_000 + bar_s * np.arange(len(log_price), dtype=np.int64),
    )


def mean_reverting_market(bars: int, seed: int, law: MeanReversion | None = None) -> Market:
    """A market whose only feature is the deviation, in standard deviations."""
    law = law or MeanReversion()
    deviation = law.path(bars, seed)
    return market_of(deviation, (deviation / law.spread)[:, None])


def noise_market(bars: int, seed: int, *, columns: int = 3, volatility: float = 0.01) -> Market:
    """Returns without drift and features that know nothing of them."""
    generator = np.random.default_rng(seed)
    returns = generator.standard_normal(bars) * volatility
    return market_of(np.cumsum(returns - volatility**2 / 2.0), generator.standard_normal((bars, columns)))


def optimal_values(law: MeanReversion, rules: Rules) -> tuple[Floats, Floats]:
    """(deviations on a grid, value of standing there with each position after the trade), relative values.

    Dynamic programming for the mean growth per bar (relative value iteration; Puterman, Markov Decision Processes,
    1994, section 8.5). Exact up to the grid: the drift of a short and the cost of trading it back are in it.
    """
    grid = np.linspace(-_REACH, _REACH, _GRID) * law.spread
    gap = (grid[None, :] - law.keep * grid[:, None]) / law.noise
    chance = np.exp(-0.5 * gap**2)
    chance /= chance.sum(axis=1, keepdims=True)
    returns = np.expm1(grid[None, :] - grid[:, None])
    positions = np.array(rules.positions)
    equity = np.maximum(1.0 + positions[:, None, None] * returns, 1e-3)  # as unlikely as ruin: never reached
    drifted = positions[:, None, None] * (1.0 + returns) / equity
    moved = np.log(equity)
    paid = np.log(
        np.maximum(1.0 - rules.cost_fraction * np.abs(positions[:, None, None, None] - drifted), 1e-3)
    )
    values = np.zeros((_GRID, len(positions)))
    for _ in range(_SWEEPS):
        best = (paid + values.T[:, None, None, :]).max(axis=0)
        values = np.einsum("ij,pij->ip", chance, moved + best)
        values -= values.mean()
    return grid, values


def optimal_actions(market: Market, law: MeanReversion, rules: Rules) -> NDArray[np.int64]:
    """What the optimum does at each row of a mean-reverting market, starting flat."""
    grid, values = optimal_values(law, rules)
    deviation = market.features_rc[:, 0].astype(np.float64) * law.spread
    worth = np.stack([np.interp(deviation, grid, values[:, p]) for p in range(values.shape[1])], axis=1)
    positions = np.array(rules.positions)
    actions = np.empty(len(market), np.int64)
    held = 0.0
    for row in range(len(market)):
        move = market.returns_r[row]
        drifted = held * (1.0 + move) / (1.0 + held * move)
        actions[row] = np.argmax(np.log(1.0 - rules.cost_fraction * np.abs(positions - drifted)) + worth[row])
        held = positions[actions[row]]
    return actions


def sign_actions(market: Market, rules: Rules) -> NDArray[np.int64]:
    """The simple rule: long below the mean, else the lowest position that is allowed."""
    return np.where(market.features_rc[:, 0] < 0, len(rules.positions) - 1, 0)
