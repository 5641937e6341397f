"""The whole state of a training at a rollout boundary, held in memory."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO

from headway.engines.ppo.env import EnvState, TradingVecEnv
from headway.engines.ppo.market import Observations

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Validation:
    """How the policy of a step did on the validation window: log growth over the window, annualised Sharpe ratio."""

    step: int
    growth: float
    sharpe: float | None


@dataclass(frozen=True)
class Best:
    """The policy that grew most in validation; its weights are copies."""

    step: int
    growth: float
    weights: Weights


@dataclass(frozen=True)
class RandomStates:
    """The generators that a training draws from: torch (actions), numpy (order of batches), Python."""

    torch: torch.Tensor
    numpy: dict[str, Any]
    python: tuple[Any, ...]


@dataclass(frozen=True)
class Snapshot:
    """Between two rollouts. A training that is put back here goes on with the same numbers to the last bit."""

    step: int
    updates: int
    elapsed_s: float  # of training, over all attempts
    weights: Weights
    optimizer: dict[str, Any]
    env: EnvState
    observations: Observations
    episode_starts: NDArray[np.bool_]
    generators: RandomStates
    validations: tuple[Validation, ...]
    best: Best | None


@dataclass(frozen=True)
class Record:
    """What a training has learnt about itself so far."""

    validations: tuple[Validation, ...] = ()
    best: Best | None = None


def take_snapshot(model: PPO, env: TradingVecEnv, *, record: Record, elapsed_s: float) -> Snapshot:
    """Copy the state of a model that stands at a rollout boundary."""
    observations, starts = model._last_obs, model._last_episode_starts  # noqa: SLF001  (SB3 has no public name)
    if not isinstance(observations, np.ndarray) or starts is None:
        raise RuntimeError(
            "a snapshot is taken when learning has begun, of environments with plain observations"
        )
    return Snapshot(
        step=model.num_timesteps,
        updates=model._n_updates,  # noqa: SLF001
        elapsed_s=elapsed_s,
        weights=copy_weights(model),
        optimizer=copy.deepcopy(model.policy.optimizer.state_dict()),
        env=env.capture(),
        observations=observations.copy(),
        episode_starts=starts.copy(),
        generators=_read_generators(),
        validations=record.validations,
        best=record.best,
    )


def put_back(model: PPO, env: TradingVecEnv, snapshot: Snapshot) -> None:
    """Bring a fresh model of the same plan to the state of a snapshot."""
    model.policy.load_state_dict(snapshot.weights)
    model.policy.optimizer.load_state_dict(copy.deepcopy(snapshot.optimizer))
    env.restore(snapshot.env)
    model.num_timesteps = snapshot.step
    model._n_updates = snapshot.updates  # noqa: SLF001
    model._last_obs = snapshot.observations.copy()  # noqa: SLF001
    model._last_episode_starts = snapshot.episode_starts.copy()  # noqa: SLF001
    torch.set_rng_state(snapshot.generators.torch)
    np.random.set_state(snapshot.generators.numpy)
    random.setstate(snapshot.generators.python)


def copy_weights(model: PPO) -> Weights:
    """A deep copy: a state dict alone is a view of weights that go on changing."""
    return {name: tensor.detach().clone() for name, tensor in model.policy.state_dict().items()}


def _read_generators() -> RandomStates:
    numpy_state = np.random.get_state(legacy=False)
    if not isinstance(numpy_state, dict):
        raise TypeError("numpy gave its random state in another form than asked for")
    return RandomStates(torch.get_rng_state(), copy.deepcopy(numpy_state), random.getstate())
