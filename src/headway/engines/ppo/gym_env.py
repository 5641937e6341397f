"""The same market as a plain Gymnasium environment: one trader, the same numbers."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from headway.engines.ppo.accounts import Rules, is_ruined, log_growth, traded_fraction
from headway.engines.ppo.env import last_rows, observation_space, starting_rows
from headway.engines.ppo.market import Market, Observations

Seen = NDArray[np.floating[Any] | np.integer[Any]]  # as Gymnasium types its boxes; the values are float32


class TradingEnv(gymnasium.Env[Seen, np.int64]):
    """One trader. `reset(options={"row": r})` starts at a given row instead of a random one."""

    def __init__(self, market: Market, rules: Rules, *, episode_bars: int, reward_scale: float = 1.0) -> None:
        self.observation_space = observation_space(len(market.names))
        self.action_space = spaces.Discrete(len(rules.positions))
        self._market = market
        self._rules = rules
        self._positions = np.array(rules.positions)
        self._next_returns = market.next_returns_r
        self._starts = starting_rows(market)
        self._last_row = last_rows(market)
        self._episode_bars = episode_bars
        self._reward_scale = reward_scale
        self._row = 0
        self._age = 0
        self._action = rules.flat

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Seen, dict[str, Any]]:
        super().reset(seed=seed)
        chosen = (options or {}).get("row")
        drawn = self.np_random.integers(0, len(self._starts), 1) if chosen is None else None
        self._row = int(self._starts[drawn[0]]) if drawn is not None else int(chosen)  # type: ignore[arg-type]
        self._age = int((options or {}).get("age", 0))
        self._action = self._rules.flat
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        row = np.array([self._row])
        held, target = self._positions[[self._action]], self._positions[[int(action)]]
        coming = self._next_returns[row]
        traded = traded_fraction(held, target, self._market.returns_r[row])
        growth = log_growth(traded, target, coming, cost_fraction=self._rules.cost_fraction)
        self._row += 1
        self._age += 1
        self._action = int(action)
        ruined = bool(is_ruined(target, coming)[0])
        cut = self._age >= self._episode_bars or self._row >= int(self._last_row[row[0]])
        return self._observe(), float(growth[0] * self._reward_scale), ruined, cut and not ruined, {}

    def _observe(self) -> Observations:
        seen = np.empty(self._market.features_rc.shape[1] + 1, np.float32)
        seen[:-1] = self._market.features_rc[self._row]
        seen[-1] = self._positions[self._action]
        return seen
