"""Playing a market from its first row to its last without exploring: how policies are validated and tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headway.engines.ppo.accounts import Floats, Rules, log_growth, traded_fraction
from headway.engines.ppo.market import Market, Observations

Actions = NDArray[np.int64]

_CHUNK = 8_192  # rows shown to the network at once: some ten milliseconds, within which a stop is noticed


class Policy(Protocol):
    """What chooses actions; Stable-Baselines3's policies do."""

    def predict(
        self, observation: Observations, *, deterministic: bool = False
    ) -> tuple[NDArray[np.int64], object]:
        """The action for each observation, and a state that is not used."""


@dataclass(frozen=True)
class Ledger:
    """What one symbol's trader did. The last row only ends the last move: rows count decisions, bars less one.

    position_r: held from each close to the next, as a share of the equity; traded_r: value traded at each close, as a
    share of the equity; growth_r: log growth of the equity to the next close, after costs; at_s_r: when it was earned.
    """

    symbol: str
    position_r: Floats
    traded_r: Floats
    growth_r: Floats
    at_s_r: NDArray[np.int64]

    @property
    def returns_r(self) -> Floats:
        """Simple return of each bar after costs."""
        return np.expm1(self.growth_r)

    @property
    def equity_r(self) -> Floats:
        """Equity after each bar, 1 before the first."""
        return np.exp(np.cumsum(self.growth_r))


def keep_quiet() -> None:
    """The pulse of those who wait for nothing."""


def play(
    policy: Policy, market: Market, rules: Rules, *, pulse: Callable[[], None] = keep_quiet
) -> tuple[Ledger, ...]:
    """Let a policy trade every symbol of a market from flat, always with its likeliest action.

    `pulse` is called every few milliseconds; what it raises ends the play.
    """
    return keep_books(market, rules, choose_actions(policy, market, rules, pulse=pulse))


def choose_actions(
    policy: Policy, market: Market, rules: Rules, *, pulse: Callable[[], None] = keep_quiet
) -> Actions:
    """The likeliest action of each row, given what the earlier ones led to.

    A position takes two or three values, so the network is asked for all of them in one sweep; what is left is to
    follow the path through the table.
    """
    table_rp = np.stack([_ask(policy, market, position, pulse) for position in rules.positions], axis=1)
    actions = np.empty(len(market), np.int64)
    for _, low, high in market.segments:
        held = rules.flat
        path = []
        for choices in table_rp[low:high].tolist():
            held = choices[held]
            path.append(held)
        actions[low:high] = path
    return actions


def keep_books(market: Market, rules: Rules, actions: Actions) -> tuple[Ledger, ...]:
    """What the actions earn, symbol by symbol, each starting flat; a symbol with fewer than two rows has no books."""
    positions = np.array(rules.positions)[actions]
    books = []
    for symbol, low, high in market.segments:
        if high - low < 2:
            continue
        target, moves = positions[low : high - 1], market.returns_r[low:high]
        held = np.append(0.0, target[:-1])
        traded = traded_fraction(held, target, moves[:-1])
        growth = log_growth(traded, target, moves[1:], cost_fraction=rules.cost_fraction)
        books.append(Ledger(symbol, target, traded, growth, market.at_s_r[low + 1 : high]))
    return tuple(books)


def hold(market: Market, rules: Rules) -> tuple[Ledger, ...]:
    """Buy and hold: bought at the first close, with costs, and never sold."""
    return keep_books(market, rules, np.full(len(market), len(rules.positions) - 1))


def pool_returns(books: tuple[Ledger, ...]) -> tuple[NDArray[np.int64], Floats]:
    """(times, simple returns) of an equal part of the capital given to each symbol at the start and left there."""
    times = np.unique(np.concatenate([ledger.at_s_r for ledger in books]))
    equity = np.zeros(len(times))
    for ledger in books:
        last = np.searchsorted(ledger.at_s_r, times, side="right")
        equity += np.append(1.0, ledger.equity_r)[last]
    equity /= len(books)
    return times, equity / np.append(1.0, equity[:-1]) - 1.0


def _ask(policy: Policy, market: Market, position: float, pulse: Callable[[], None]) -> NDArray[np.int64]:
    answers = []
    for low in range(0, len(market), _CHUNK):
        pulse()
        features = market.features_rc[low : low + _CHUNK]
        held = np.full((len(features), 1), position, np.float32)
        actions, _ = policy.predict(np.concatenate([features, held], axis=1), deterministic=True)
        answers.append(np.asarray(actions, np.int64))
    return np.concatenate(answers)
