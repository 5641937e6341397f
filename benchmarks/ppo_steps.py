"""Steps per second, collected and learnt, on one core: our environments and settings against stock ones.

`python -m benchmarks.ppo_steps [--quick] [--json FILE]`. Stock: the same market as a Gymnasium environment, one
at a time, under the defaults of Stable-Baselines3's PPO and its DummyVecEnv. Both train in turns, so that other load
falls on both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from tests.fakes.markets import noise_market
from tests.fakes.reporter import RecordingReporter

from benchmarks.alone import Pace, run_alone
from benchmarks.peers.figures import references
from benchmarks.tables import Measure, Reference
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.env import TradingVecEnv
from headway.engines.ppo.gym_env import TradingEnv
from headway.engines.ppo.learn import learn
from headway.engines.ppo.plan import Plan
from headway.wire.rundir import RunDir

_GOAL_RATIO = 30
_OURS = "headway"
_STOCK = "stock, 1 environment"
COLUMNS = 16
RULES = Rules()
TRAIN = noise_market(22_000, seed=1, columns=COLUMNS)
VALIDATION = noise_market(4_700, seed=2, columns=COLUMNS)


def ours(seconds: float) -> float:
    """The whole of it: validation, snapshots, checkpoints and progress included."""
    plan = Plan(TRAIN, VALIDATION, RULES, 1, 8_766.0, duration_s=seconds)
    with tempfile.TemporaryDirectory() as folder:
        learned = learn(plan, RecordingReporter(RunDir(Path(folder))))
    return learned.steps / learned.elapsed_s


def stock(count: int) -> Callable[[float], float]:
    """Stable-Baselines3 as it comes, with so many environments."""

    def measure(seconds: float) -> float:
        env = DummyVecEnv([lambda: TradingEnv(TRAIN, RULES, episode_bars=256) for _ in range(count)])
        return _time_learning(PPO("MlpPolicy", env, device="cpu", seed=1), env, seconds)

    return measure


def stock_on_arrays(seconds: float) -> float:
    """Our environments under stock settings: what the environments alone bring."""
    env = TradingVecEnv(TRAIN, RULES, count=16, episode_bars=256)
    return _time_learning(PPO("MlpPolicy", env, n_steps=128, device="cpu", seed=1), env, seconds)


def _time_learning(model: PPO, env: VecEnv, seconds: float) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.learn(model.n_steps * env.num_envs, reset_num_timesteps=False)
    return model.num_timesteps / (time.perf_counter() - began)


SETUPS: dict[str, Callable[[float], float]] = {
    _OURS: ours,
    _STOCK: stock(1),
    "stock, 8 environments": stock(8),
    "stock settings on our environments (16)": stock_on_arrays,
}


def measure(pace: Pace) -> list[Measure]:
    torch.set_num_threads(1)
    ours(0.1)  # first use of torch
    rates = measure_rates(2.0, turns=pace.choose(3, 1))
    best = rates.pop(_OURS)
    stock_rates = tuple(Reference(name, rate) for name, rate in rates.items())
    peers = references("ppo_steps", "one_per_s", "anytrading", quick=pace.quick)
    goal = _GOAL_RATIO * rates[_STOCK]
    what = "PPO steps/s, collected and learnt, 64×64, one core"
    note = f"goal: {_GOAL_RATIO} times the stock way"
    return [Measure(what, best, "/s", goal, more_is_better=True, against=(*stock_rates, *peers), note=note)]


def measure_rates(seconds: float, *, turns: int) -> dict[str, float]:
    """The median rate of each setup, over so many turns."""
    rates: dict[str, list[float]] = {name: [] for name in SETUPS}
    for _ in range(turns):
        for name, time_setup in SETUPS.items():
            rates[name].append(time_setup(seconds))
    return {name: statistics.median(found) for name, found in rates.items()}


if __name__ == "__main__":
    run_alone(measure)
