"""The training itself: Lightning's loop as it is, followed from its beginning or from a checkpoint."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.utilities.exceptions import SIGTERMException

from headway.domain.reasons import Reason
from headway.engines.base import Reporter, Stopped
from headway.engines.forecast.checkpoints import fingerprint, read_snapshot
from headway.engines.forecast.course import Clock, Course
from headway.engines.forecast.foresee import Forecaster
from headway.engines.forecast.meters import Meters
from headway.engines.forecast.module import ForecastModule, make_optimizer
from headway.engines.forecast.plan import Plan, build_network
from headway.engines.forecast.record import Best, Record
from headway.engines.forecast.snapshots import put_back
from headway.engines.forecast.windows import Windows

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # it greets at every start


@dataclass(frozen=True)
class Learned:
    """A training that has come to its end. `forecaster` has the weights that did best in validation."""

    forecaster: Forecaster
    record: Record
    best: Best
    steps: int
    epochs: int  # whole ones
    elapsed_s: float
    windows_per_s: float | None  # of this attempt, validation included; None when it had nothing left to do
    reason: Reason


def learn(
    plan: Plan,
    reporter: Reporter,
    *,
    resume_from: Path | None = None,
    meters: Meters | None = None,
    clock: Clock = time.monotonic,
) -> Learned:
    """Train until the epochs, the patience or the duration are over.

    Raises Stopped (after a checkpoint of where it stands has been written) and Diverged.
    """
    seed_everything(plan.seed, verbose=False)
    device = plan.machine.torch_device
    windows = Windows(plan.panel, device)
    network = build_network(plan).to(device)
    optimizer = make_optimizer(network, plan)
    forecaster = Forecaster(network, windows, plan.config.loss, plan.machine)
    course = Course(plan, reporter, forecaster, optimizer, meters=meters or Meters(), clock=clock)
    if resume_from is not None:
        snapshot = read_snapshot(resume_from, plan_sha256=fingerprint(plan))
        put_back(network, optimizer, snapshot)
        course.resume(snapshot)
    try:
        if course.owes_validation:
            course.close_epoch()
        if not course.is_finished:
            _fit(plan, course, ForecastModule(plan, network, windows, optimizer), reporter)
    except Stopped:
        course.save()
        raise
    course.save()
    return _finish(course)


def _fit(plan: Plan, course: Course, module: ForecastModule, reporter: Reporter) -> None:
    if plan.config.training.compile:
        module.network.compile()
    trainer = Trainer(
        accelerator="gpu" if plan.machine.device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if plan.machine.precision == "bf16" else "32-true",
        max_epochs=course.epochs_left,
        callbacks=[course],
        barebones=True,
    )
    try:
        with warnings.catch_warnings():  # Lightning's own use of a name that torch has deprecated
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            trainer.fit(module, train_dataloaders=course)
    except SIGTERMException:  # Lightning's own handler noticed it first
        reporter.check()
        raise
    finally:
        module.network.to(plan.machine.torch_device)  # Lightning leaves it on the CPU


def _finish(course: Course) -> Learned:
    best = course.record.best
    if best is None:
        raise RuntimeError("a training ends with at least one validation")
    course.network.load_state_dict(best.weights)
    course.network.eval()
    windows, this_attempt_s = course.windows_learnt, course.elapsed_s - course.earlier_s
    return Learned(
        forecaster=course.forecaster,
        record=course.record,
        best=best,
        steps=course.place.step,
        epochs=course.place.epoch,
        elapsed_s=course.elapsed_s,
        windows_per_s=windows / max(this_attempt_s, 1e-9) if windows else None,
        reason=Reason.STOPPED_EARLY if course.is_exhausted else Reason.COMPLETED,
    )
