"""How soon a training comes near an optimum that is known: ours and stock, on a mean-reverting price.

`python -m benchmarks.ppo_learning [seeds]`. The fee is 0.5 %; the optimum is by dynamic programming. Each training has
6 seconds. Stock is played on test bars all along, with the clock stopped; ours is followed by its own validations,
which are part of its time. The final shares are of the same test bars for both.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.fakes.markets import MeanReversion, mean_reverting_market, optimal_actions, sign_actions
from tests.fakes.reporter import RecordingReporter

from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.gym_env import TradingEnv
from headway.engines.ppo.learn import learn
from headway.engines.ppo.plan import Plan
from headway.engines.ppo.play import Policy, keep_books, play
from headway.wire.rundir import RunDir

SECONDS = 6.0
MARKS = (0.90, 0.95)
RULES = Rules(fee_bps=50.0, slippage_bps=0.0)
LAW = MeanReversion()
TRAIN = mean_reverting_market(30_000, 1, LAW)
VALIDATION = mean_reverting_market(20_000, 2, LAW)
TEST = mean_reverting_market(20_000, 3, LAW)
BEST = float(keep_books(TEST, RULES, optimal_actions(TEST, LAW, RULES))[0].growth_r.sum())


@dataclass
class Course:
    """(seconds of training, share of the optimum's growth on unseen bars) all along."""

    points: list[tuple[float, float]] = field(default_factory=list)

    def seconds_to(self, mark: float) -> float | None:
        return next((at_s for at_s, share in self.points if share >= mark), None)


class Watch(BaseCallback):
    """Plays the test bars between two rollouts, with the clock stopped; ends the training when its time is over."""

    def __init__(self, every_s: float) -> None:
        super().__init__()
        self.course = Course()
        self._every_s = every_s
        self._began = time.perf_counter()
        self._asked_s = 0.0

    def _on_rollout_start(self) -> None:
        at_s = time.perf_counter() - self._began
        if at_s - self._asked_s < self._every_s:
            return
        self.course.points.append((at_s, share_of(self.model.policy)))
        self._began += time.perf_counter() - self._began - at_s
        self._asked_s = at_s

    def _on_step(self) -> bool:
        return time.perf_counter() - self._began < SECONDS


def share_of(policy: Policy) -> float:
    """Growth on the test bars as a share of the optimum's."""
    return float(play(policy, TEST, RULES)[0].growth_r.sum()) / BEST


def ours(seed: int) -> tuple[Course, float]:
    """The course, and the share of the policy that validation chose: what a run would deliver."""
    plan = Plan(TRAIN, VALIDATION, RULES, seed, 8_766.0, duration_s=SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        reporter = RecordingReporter(RunDir(Path(folder)))
        learned = learn(plan, reporter)
    steps_per_s = learned.steps / learned.elapsed_s
    ideal = float(keep_books(VALIDATION, RULES, optimal_actions(VALIDATION, LAW, RULES))[0].growth_r.sum())
    course = Course([(v.step / steps_per_s, v.growth / ideal) for v in learned.validations])
    return course, share_of(learned.model.policy)


def stock(seed: int) -> tuple[Course, float]:
    """Stable-Baselines3's defaults on one environment; rewards scaled as ours are."""
    scale = 1.0 / float(TRAIN.returns_r.std())
    env = DummyVecEnv([lambda: TradingEnv(TRAIN, RULES, episode_bars=256, reward_scale=scale)])
    model = PPO("MlpPolicy", env, device="cpu", seed=seed)
    watch = Watch(every_s=0.5)
    model.learn(10**9, callback=watch)
    return watch.course, share_of(model.policy)


def main(seeds: int) -> None:
    torch.set_num_threads(1)
    simple = float(keep_books(TEST, RULES, sign_actions(TEST, RULES))[0].growth_r.sum()) / BEST
    print(f"trading by the sign of the deviation: {simple:.0%} of the optimum's growth")
    setups: dict[str, Callable[[int], tuple[Course, float]]] = {"headway": ours, "stock": stock}
    for name, measure in setups.items():
        courses, shares = zip(*(measure(seed) for seed in range(1, seeds + 1)), strict=True)
        marks = "; ".join(f"{mark:.0%} {_spell(courses, mark)}" for mark in MARKS)
        spread = f"{min(shares):.1%} to {max(shares):.1%}"
        print(f"{name}: after {SECONDS:g} s {statistics.median(shares):.1%} ({spread}); reached {marks}")


def _spell(courses: tuple[Course, ...], mark: float) -> str:
    found = [at_s for course in courses if (at_s := course.seconds_to(mark)) is not None]
    if not found:
        return f"by 0 of {len(courses)} seeds"
    return f"by {len(found)} of {len(courses)} seeds, median {statistics.median(found):.1f} s"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
