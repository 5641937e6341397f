"""What happens around Stable-Baselines3's loop at every step: stops, progress, validation, snapshots, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from headway.domain.limits import soonest_end_s
from headway.engines.base import Diverged, Reporter
from headway.engines.ppo.checkpoints import fingerprint, write_snapshot
from headway.engines.ppo.env import TradingVecEnv
from headway.engines.ppo.plan import Plan
from headway.engines.ppo.play import play, pool_returns
from headway.engines.ppo.snapshots import Best, Record, Snapshot, Validation, copy_weights, take_snapshot
from headway.evaluation.trading import sharpe_of

CHECKPOINT_EVERY_S = 30.0

_LOGGED = {
    "train/loss": "train/loss",
    "train/policy_loss": "train/policy_gradient_loss",
    "train/value_loss": "train/value_loss",
    "train/approx_kl": "train/approx_kl",
    "train/clip_fraction": "train/clip_fraction",
    "train/explained_variance": "train/explained_variance",
}

Clock = Callable[[], float]


class Course(BaseCallback):
    """Follows a model through its training: stops, progress, validation, snapshots, checkpoints."""

    def __init__(self, plan: Plan, reporter: Reporter, env: TradingVecEnv, *, clock: Clock) -> None:
        super().__init__()
        self.snapshot: Snapshot | None = None
        self.record = Record()
        self._plan = plan
        self._reporter = reporter
        self._env = env
        self._clock = clock
        self._plan_sha256 = fingerprint(plan)
        self._steps_at_start = 0
        self._earlier_s = 0.0
        self._began_at = clock()
        self._saved_at = clock()
        self._saved_step: int | None = None
        self._boundary_step: int | None = None
        self._finished = False
        self._rollout = 0
        self._minibatch = 0

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot that the model has been put back to."""
        self.snapshot = snapshot
        self.record = Record(snapshot.validations, snapshot.best)
        self._earlier_s = snapshot.elapsed_s
        self._steps_at_start = snapshot.step
        self._saved_step = snapshot.step
        self._boundary_step = snapshot.step
        self._finished = self._is_out_of_time() and self.record.best is not None

    @property
    def elapsed_s(self) -> float:
        """Seconds of training over all attempts."""
        return self._earlier_s + self._clock() - self._began_at

    @property
    def steps_per_s(self) -> float | None:
        """Of this attempt, until the newest rollout boundary; None before the first."""
        if self.snapshot is None or self.snapshot.step == self._steps_at_start:
            return None
        return (self.snapshot.step - self._steps_at_start) / max(
            self.snapshot.elapsed_s - self._earlier_s, 1e-9
        )

    def save(self) -> None:
        """Write the newest snapshot as a checkpoint, unless that is done."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.step == self._saved_step:
            return
        with self._reporter.draft(snapshot.step) as folder:
            write_snapshot(folder, snapshot, plan_sha256=self._plan_sha256)
        self._saved_step = snapshot.step
        self._saved_at = self._clock()

    def _on_training_start(self) -> None:
        self._policy().optimizer.register_step_post_hook(self._after_minibatch)

    def _on_rollout_start(self) -> None:
        self._rollout = self.num_timesteps // self._plan.hyper.rollout_steps
        self._minibatch = 0
        self._pass_boundary()

    def _on_step(self) -> bool:
        self._reporter.check()
        if self._finished:
            return False
        self._tell_progress()
        return True

    def _on_training_end(self) -> None:
        if not self._finished:
            self._pass_boundary()

    def _pass_boundary(self) -> None:
        """Everything between two rollouts; the state that a snapshot takes is settled when this returns."""
        step = self._ppo().num_timesteps
        if step == self._boundary_step:
            return
        self._boundary_step = step
        require_finite(self._ppo())
        self._finished = self._is_out_of_time()
        values = self._read_update() if step > self._steps_at_start else {}
        if self._is_validation_due(step):
            values |= self._validate(step)
        self.snapshot = take_snapshot(self._ppo(), self._env, record=self.record, elapsed_s=self.elapsed_s)
        if self.steps_per_s is not None:
            values["time/steps_per_s"] = self.steps_per_s
        self._reporter.metrics(step, values)
        if self._clock() - self._saved_at >= CHECKPOINT_EVERY_S:
            self.save()

    @property
    def _ends_s(self) -> float | None:
        plan = self._plan
        return soonest_end_s(earlier_s=self._earlier_s, duration_s=plan.duration_s, attempt_s=plan.attempt_s)

    def _is_out_of_time(self) -> bool:
        return self._ends_s is not None and self.elapsed_s >= self._ends_s

    def _is_validation_due(self, step: int) -> bool:
        rollout = step // self._plan.hyper.rollout_steps
        return self._finished or step >= self._plan.steps_bound or rollout % self._plan.validation_stride == 0

    def _read_update(self) -> dict[str, float]:
        logged = self.logger.name_to_value
        values = {name: float(logged[theirs]) for name, theirs in _LOGGED.items() if theirs in logged}
        if "train/entropy_loss" in logged:
            values["train/entropy"] = -float(logged["train/entropy_loss"])
        if not np.isfinite(values.get("train/loss", 0.0)):
            raise Diverged(f"the loss is {values['train/loss']} after {self.num_timesteps} steps")
        if self._env.growth_steps:
            values["rollout/reward_mean"] = self._env.growth_sum / self._env.growth_steps
        self._env.growth_sum, self._env.growth_steps = 0.0, 0
        return values

    def _validate(self, step: int) -> dict[str, float]:
        plan = self._plan
        books = play(self._ppo().policy, plan.validation, plan.rules, pulse=self._reporter.check)
        _, returns = pool_returns(books)
        found = Validation(
            step, float(np.log1p(returns).sum()), sharpe_of(returns, bars_per_year=plan.bars_per_year)
        )
        self.record = replace(self.record, validations=(*self.record.validations, found))
        best = self.record.best
        if best is None or found.growth > best.growth:
            self.record = replace(self.record, best=Best(step, found.growth, copy_weights(self._ppo())))
        values = {"validation/growth": found.growth}
        return values if found.sharpe is None else values | {"validation/sharpe": found.sharpe}

    def _after_minibatch(self, *_: Any) -> None:
        self._reporter.check()
        require_finite(self._ppo())
        self._minibatch += 1
        self._tell_progress()

    def _tell_progress(self) -> None:
        """Collecting is taken for the first half of an epoch, the minibatches for the second."""
        plan, hyper = self._plan, self._plan.hyper
        total = plan.rollouts_total
        collected = self._ppo().num_timesteps / hyper.rollout_steps - self._rollout
        minibatches = hyper.epochs * -(-hyper.rollout_steps // hyper.batch)
        done = self._rollout + 0.5 * (collected + self._minibatch / minibatches)
        part = 0.0 if total is None else done / total
        if self._ends_s is not None:
            part = max(part, self.elapsed_s / max(self._ends_s, 1e-9))
        epoch = self._rollout + 1
        self._reporter.advance(
            min(part, 1.0),
            text=f"PPO epoch {epoch}" + (f"/{total}" if total else ""),
            step=self._ppo().num_timesteps,
            steps_total=plan.steps_total,
            epoch=epoch,
            epochs_total=total,
        )

    def _ppo(self) -> PPO:
        if not isinstance(self.model, PPO):
            raise TypeError("this callback follows PPO")
        return self.model

    def _policy(self) -> Any:
        return self._ppo().policy


def require_finite(model: PPO) -> None:
    """Raise Diverged when a parameter is NaN or infinite: a loss that is reaches the parameters at once."""
    sums = torch.stack([parameter.detach().sum() for parameter in model.policy.parameters()])
    if not bool(torch.isfinite(sums.sum())):
        raise Diverged(f"a weight of the policy is NaN or infinite after {model.num_timesteps} steps")


def require_finite_answers(model: PPO) -> None:
    """Raise Diverged when the policy answers its newest observations with NaN: its weights are finite but enormous."""
    seen = torch.as_tensor(model._last_obs)  # noqa: SLF001  (SB3 has no public name)
    with torch.no_grad():
        hidden = model.policy.mlp_extractor.forward_actor(seen)
        answers = model.policy.action_net(hidden)
    if not bool(torch.isfinite(answers).all()):
        raise Diverged(f"the policy answers with NaN or infinity after {model.num_timesteps} steps")
