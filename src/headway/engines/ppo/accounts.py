"""What a position earns from one close to the next, after costs: the one rule of all environments and evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RUIN = 1e-6  # what is left of the equity when a short loses all of it: the log must stay finite


@dataclass(frozen=True)
class Rules:
    """Which positions may be held, as a share of the equity, and what trading costs."""

    allow_short: bool = True
    fee_bps: float = 10.0
    slippage_bps: float = 2.0

    @property
    def positions(self) -> tuple[float, ...]:
        """The position that each action asks for: action 0 is the lowest."""
        return (-1.0, 0.0, 1.0) if self.allow_short else (0.0, 1.0)

    @property
    def flat(self) -> int:
        """The action that holds nothing."""
        return self.positions.index(0.0)

    @property
    def cost_fraction(self) -> float:
        """Fee and slippage as a fraction of the traded value."""
        return (self.fee_bps + self.slippage_bps) / 10_000.0


def drift(held: Floats, last_return: Floats) -> Floats:
    """What a position, as a share of the equity, has become after the price moved.

    A long stays 1 and nothing stays 0. A short grows when the price rises and the equity shrinks; to be -1 again it
    must be traded, and that trade is paid for.
    """
    equity = np.maximum(1.0 + held * last_return, _RUIN)
    return held * (1.0 + last_return) / equity


def traded_fraction(held: Floats, target: Floats, last_return: Floats) -> Floats:
    """Traded value at this close, as a share of the equity, to go from what is held to the target."""
    return np.abs(target - drift(held, last_return))


def log_growth(traded: Floats, target: Floats, next_return: Floats, *, cost_fraction: float) -> Floats:
    """Log growth of the equity from this close to the next: the costs of the trade, then the move of the price."""
    paid = np.maximum(1.0 - cost_fraction * traded, _RUIN)
    moved = np.maximum(1.0 + target * next_return, _RUIN)
    return np.asarray(np.log(paid) + np.log(moved))


def is_ruined(target: Floats, next_return: Floats) -> NDArray[np.bool_]:
    """Whether the move took all of the equity: a short in a price that at least doubled."""
    return np.asarray(1.0 + target * next_return <= _RUIN)
