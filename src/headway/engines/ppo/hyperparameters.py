"""The settings of PPO; docs/ppo.md tells how the defaults were chosen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from headway.domain.json import JsonObject


@dataclass(frozen=True)
class Hyperparameters:
    """Defaults for a 64x64 network on a CPU."""

    envs: int = 256
    rollout_bars: int = 32  # steps of each environment between two updates
    batch: int = 4096
    epochs: int = 4  # passes over a rollout
    learning_rate: float = 3e-3
    gamma: float = 0.97
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    max_gradient_norm: float = 0.5
    layers: tuple[int, ...] = (64, 64)
    episode_bars: int = 256

    @property
    def rollout_steps(self) -> int:
        """Steps of all environments between two updates: trainings end at a multiple of it."""
        return self.envs * self.rollout_bars

    def rollouts_for(self, steps: int) -> int:
        """Whole rollouts that hold at least so many steps."""
        return -(-steps // self.rollout_steps)

    def to_json(self) -> JsonObject:
        return {**asdict(self), "layers": list(self.layers), "activation": "relu"}


def policy_options(layers: tuple[int, ...]) -> dict[str, Any]:
    """What Stable-Baselines3's policy is built with: two networks, one for actions and one for values."""
    return {"net_arch": list(layers), "activation_fn": nn.ReLU}
