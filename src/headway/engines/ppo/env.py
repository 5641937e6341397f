"""Many trading environments stepped as arrays, for Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from headway.engines.ppo.accounts import Rules, is_ruined, log_growth, traded_fraction
from headway.engines.ppo.market import Market, Observations

Indices = int | Iterable[int] | None

_BOUND = 10.0  # Gymnasium wants a finite one; scaled features stay within 5


@dataclass(frozen=True)
class EnvState:
    """All that an environment remembers; restoring it makes the next steps the same."""

    row_e: NDArray[np.int64]
    age_e: NDArray[np.int64]
    action_e: NDArray[np.int64]
    generator: dict[str, Any]  # numpy's own description of its bit generator


def observation_space(columns: int) -> spaces.Box:
    """So many features of a row and, last, the position held."""
    return spaces.Box(-_BOUND, _BOUND, (columns + 1,), np.float32)


def starting_rows(market: Market) -> NDArray[np.int64]:
    """Rows at which an episode can start: all that have a next row."""
    return np.concatenate([np.arange(low, max(high - 1, low)) for _, low, high in market.segments])


def last_rows(market: Market) -> NDArray[np.int64]:
    """For each row the last row of its symbol, at which an episode must end."""
    return np.concatenate([np.full(high - low, high - 1) for _, low, high in market.segments])


class TradingVecEnv(VecEnv):
    """`count` traders in one market; episodes start at random rows and are cut after `episode_bars`.

    A step decides at the close of a row and earns until the close of the next; the reward is the log growth of the
    equity after costs, times `reward_scale`. An episode that is cut says so (`TimeLimit.truncated`), so that the
    learner bootstraps from its last observation.
    """

    def __init__(
        self,
        market: Market,
        rules: Rules,
        *,
        count: int,
        episode_bars: int,
        reward_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._market = market
        self._rules = rules
        self._positions = np.array(rules.positions)
        self._next_returns = market.next_returns_r
        self._starts = starting_rows(market)
        self._last_row = last_rows(market)
        self._episode_bars = episode_bars
        self._reward_scale = reward_scale
        self._generator = np.random.default_rng(seed)
        self._no_infos: list[dict[str, Any]] = [{} for _ in range(count)]
        self._asked = np.zeros(count, np.int64)
        self._row = np.zeros(count, np.int64)
        self._age = np.zeros(count, np.int64)
        self._action = np.full(count, rules.flat)
        self.growth_sum = 0.0  # log growth over all steps since it was last set to 0
        self.growth_steps = 0
        super().__init__(count, observation_space(len(market.names)), spaces.Discrete(len(rules.positions)))

    def reset(self) -> Observations:
        """New episodes; their first ends are staggered, lest all be cut at the same step."""
        everyone = np.ones(self.num_envs, np.bool_)
        self._restart(everyone)
        self._age = np.arange(self.num_envs) * self._episode_bars // self.num_envs
        return self._observe()

    def step_async(self, actions: NDArray[Any]) -> None:
        self._asked = np.asarray(actions, np.int64).reshape(self.num_envs)

    def step_wait(self) -> tuple[Observations, NDArray[np.float64], NDArray[np.bool_], list[dict[str, Any]]]:
        row, held, target = self._row, self._positions[self._action], self._positions[self._asked]
        coming = self._next_returns[row]
        traded = traded_fraction(held, target, self._market.returns_r[row])
        growth = log_growth(traded, target, coming, cost_fraction=self._rules.cost_fraction)
        self.growth_sum += float(growth.sum())
        self.growth_steps += self.num_envs
        ruined = is_ruined(target, coming)
        self._row = row + 1
        self._age = self._age + 1
        self._action = self._asked
        cut = (self._age >= self._episode_bars) | (self._row >= self._last_row[row])
        done = cut | ruined
        seen = self._observe()
        infos = self._no_infos
        if done.any():
            infos = self._end_infos(done, seen, cut & ~ruined)
            self._restart(done)
            seen = self._observe()
        return seen, growth * self._reward_scale, done, infos

    def capture(self) -> EnvState:
        """The state now. Steps replace arrays and never write into them, so none is copied."""
        return EnvState(self._row, self._age, self._action, dict(self._generator.bit_generator.state))

    def restore(self, state: EnvState) -> None:
        """Go on from a captured state."""
        self._row, self._age, self._action = state.row_e, state.age_e, state.action_e
        self._generator.bit_generator.state = state.generator

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        self._generator = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        known: dict[str, Any] = {"render_mode": [None] * self.num_envs, "rows": self._row}
        return [known[attr_name][index] for index in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        raise NotImplementedError(f"{attr_name} of a trading environment cannot be set")

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: Indices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        raise NotImplementedError(f"{method_name} cannot be called on environments that are rows of an array")

    def env_is_wrapped(
        self,
        wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],  # noqa: ARG002  (SB3 names it)
        indices: Indices = None,
    ) -> list[bool]:
        return [False for _ in self._get_indices(indices)]

    def _restart(self, who: NDArray[np.bool_]) -> None:
        drawn = self._generator.integers(0, len(self._starts), int(who.sum()))
        self._row = self._row.copy()
        self._row[who] = self._starts[drawn]
        self._age = np.where(who, 0, self._age)
        self._action = np.where(who, self._rules.flat, self._action)

    def _observe(self) -> Observations:
        seen = np.empty((self.num_envs, self._market.features_rc.shape[1] + 1), np.float32)
        seen[:, :-1] = self._market.features_rc[self._row]
        seen[:, -1] = self._positions[self._action]
        return seen

    def _end_infos(
        self, done: NDArray[np.bool_], seen: Observations, truncated: NDArray[np.bool_]
    ) -> list[dict[str, Any]]:
        infos = list(self._no_infos)
        for index in np.flatnonzero(done):
            infos[index] = {
                "terminal_observation": seen[index],
                "TimeLimit.truncated": bool(truncated[index]),
            }
        return infos
