"""What a training has to do, and the Stable-Baselines3 model that does it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.env import TradingVecEnv
from headway.engines.ppo.hyperparameters import Hyperparameters, policy_options
from headway.engines.ppo.market import Market

_NO_END = 2**62  # steps, when only the duration ends a training
_VALIDATION_SHARE = 0.1  # of the time of training, at most, goes to validation


@dataclass(frozen=True)
class Plan:
    """One training: its windows, its rules, its ends. `steps` and `duration_s` may both be given.

    `duration_s` is for all attempts together, `attempt_s` for this one.
    """

    train: Market
    validation: Market
    rules: Rules
    seed: int
    bars_per_year: float
    steps: int | None = None
    duration_s: float | None = None
    attempt_s: float | None = None
    hyper: Hyperparameters = field(default_factory=Hyperparameters)

    @property
    def rollouts_total(self) -> int | None:
        return None if self.steps is None else self.hyper.rollouts_for(self.steps)

    @property
    def steps_total(self) -> int | None:
        """The steps asked for, rounded up to whole rollouts."""
        rollouts = self.rollouts_total
        return None if rollouts is None else rollouts * self.hyper.rollout_steps

    @property
    def steps_bound(self) -> int:
        total = self.steps_total
        return _NO_END if total is None else total

    @property
    def validation_stride(self) -> int:
        """Rollouts between two validations. Counted in rows, not in seconds: a repeated run must validate alike."""
        asked = len(self.validation) * len(self.rules.positions)
        trained = self.hyper.rollout_steps * (
            3 * self.hyper.epochs + 1
        )  # forward and backward, and the collection
        return max(1, round(asked / (trained * _VALIDATION_SHARE)))

    @property
    def reward_scale(self) -> float:
        """Rewards are log growth in units of a bar's volatility, so that the value network has numbers to learn."""
        volatility = float(self.train.returns_r.std())
        return 1.0 / volatility if volatility > 0.0 else 1.0


def build_model(plan: Plan) -> tuple[PPO, TradingVecEnv]:
    """A fresh model on fresh environments. Seeds torch, numpy and random for the whole process."""
    hyper = plan.hyper
    env = TradingVecEnv(
        plan.train,
        plan.rules,
        count=hyper.envs,
        episode_bars=hyper.episode_bars,
        reward_scale=plan.reward_scale,
        seed=plan.seed,
    )
    model = PPO(
        "MlpPolicy",
        env,
        learning_rate=hyper.learning_rate,
        n_steps=hyper.rollout_bars,
        batch_size=hyper.batch,
        n_epochs=hyper.epochs,
        gamma=hyper.gamma,
        gae_lambda=hyper.gae_lambda,
        clip_range=hyper.clip_range,
        ent_coef=hyper.entropy_weight,
        vf_coef=hyper.value_weight,
        max_grad_norm=hyper.max_gradient_norm,
        policy_kwargs=policy_options(hyper.layers),
        seed=plan.seed,
        device="cpu",
    )
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model, env
