"""gym-anytrading's StocksEnv under Stable-Baselines3's PPO as it comes: its defaults, one environment and eight."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pandas as pd
import torch
from gym_anytrading.envs import StocksEnv
from measuring import Figures, run
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

_BARS = 22_000
_WINDOW = 8  # times price and change: sixteen numbers an observation, as ours


def ppo_steps(quick: bool) -> Figures:
    """Steps a second, collected and learnt, on one core."""
    torch.set_num_threads(1)
    turns = 1 if quick else 3
    return {
        "one_per_s": statistics.median(_learn(1) for _ in range(turns)),
        "eight_per_s": statistics.median(_learn(8) for _ in range(turns)),
    }


def _learn(count: int, seconds: float = 2.0) -> float:
    env = DummyVecEnv([_make_env for _ in range(count)])
    model = PPO("MlpPolicy", env, device="cpu", seed=1)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.learn(model.n_steps * count, reset_num_timesteps=False)
    return float(model.num_timesteps / (time.perf_counter() - began))


def _make_env() -> StocksEnv:
    steps = np.random.default_rng(1).normal(0.0, 0.01, _BARS)
    prices = pd.DataFrame({"Close": 100.0 * np.exp(np.cumsum(steps))})
    return StocksEnv(prices, _WINDOW, (_WINDOW, _BARS))


if __name__ == "__main__":
    run({"ppo_steps": ppo_steps})
