"""The training itself: Stable-Baselines3's loop as it is, followed from its beginning or from a checkpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from stable_baselines3 import PPO

from headway.engines.base import Reporter, Stopped
from headway.engines.ppo.checkpoints import fingerprint, read_snapshot
from headway.engines.ppo.course import Clock, Course, require_finite_answers
from headway.engines.ppo.plan import Plan, build_model
from headway.engines.ppo.snapshots import Best, Validation, put_back

_NEVER = 2**62  # iterations between two dumps of Stable-Baselines3's own log: this course reads it instead


@dataclass(frozen=True)
class Learned:
    """A training that has come to its end. `model` holds the weights that did best in validation."""

    model: PPO
    steps: int
    elapsed_s: float
    steps_per_s: float | None  # of this attempt, collected and learnt; None when it had nothing left to do
    validations: tuple[Validation, ...]
    best: Best


def learn(
    plan: Plan,
    reporter: Reporter,
    *,
    resume_from: Path | None = None,
    clock: Clock = time.monotonic,
) -> Learned:
    """Train until the steps or the duration are over.

    Raises Stopped (after a checkpoint of the newest rollout boundary has been written) and Diverged.
    """
    model, env = build_model(plan)
    course = Course(plan, reporter, env, clock=clock)
    if resume_from is not None:
        snapshot = read_snapshot(resume_from, plan_sha256=fingerprint(plan))
        put_back(model, env, snapshot)
        course.resume(snapshot)
    try:
        left = plan.steps_bound - model.num_timesteps
        if left > 0:
            model.learn(left, callback=course, log_interval=_NEVER, reset_num_timesteps=resume_from is None)
    except Stopped:
        course.save()
        raise
    except ValueError:  # torch draws no actions from NaN
        require_finite_answers(model)
        raise
    course.save()
    return _finish(model, course)


def _finish(model: PPO, course: Course) -> Learned:
    best, snapshot = course.record.best, course.snapshot
    if best is None or snapshot is None:
        raise RuntimeError("a training ends at a rollout boundary, with at least one validation")
    model.policy.load_state_dict(best.weights)
    return Learned(
        model=model,
        steps=snapshot.step,
        elapsed_s=snapshot.elapsed_s,
        steps_per_s=course.steps_per_s,
        validations=course.record.validations,
        best=best,
    )
