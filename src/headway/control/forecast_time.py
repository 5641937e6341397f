"""How long a forecasting run may take: from what finished runs of about its size took on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from headway.control.forecast_plan import RowPlan
from headway.control.translate_runs import FORECAST
from headway.domain.forecast_size import count_parameters
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import RunFilter, Transaction
from headway.wire.forecast import ForecastConfig
from headway.wire.forecast_shape import shape_of

_LIKE_RUNS = 50  # newest finished runs that are asked for their speed
_MOST_APART = 4.0  # how many times larger or smaller a network may be: beyond that a step costs otherwise
_LEARNT = 3.0  # of a window that is learnt: the way forward and twice that back; one that is judged goes forward alone


@dataclass(frozen=True)
class TimeEstimate:
    """From the fewest epochs at the highest speed measured, to all epochs at the lowest."""

    low_s: float
    high_s: float
    measured_on: int


@dataclass(frozen=True)
class _Pace:
    """Of a finished run: the cost of a window there, cost a second in training, and seconds beside the training."""

    window_cost: float
    cost_per_s: float
    beside_s: float


def estimate_time(tx: Transaction, config: ForecastConfig, plan: RowPlan) -> TimeEstimate | None:
    """None where no run of about this size has finished here: speed is measured, not guessed."""
    shape, training = shape_of(config), config.training
    window_cost = _cost_of(count_parameters(shape), shape.context_patches)
    paces = _choose_paces(tx, window_cost, training.precision)
    if not paces:
        return None
    windows = min(plan.train, training.max_windows_per_epoch or plan.train)
    epoch_cost = window_cost * (_LEARNT * windows + plan.validation)
    epochs = training.max_epochs
    fewest = min(training.patience + 1, epochs) if training.patience else epochs
    times = [epoch_cost / pace.cost_per_s for pace in paces]
    beside = [pace.beside_s for pace in paces]
    return TimeEstimate(fewest * min(times) + min(beside), epochs * max(times) + max(beside), len(paces))


def _choose_paces(tx: Transaction, window_cost: float, precision: str) -> list[_Pace]:
    """Of runs of the very size; where there are none, of those that are not too far from it."""
    which = RunFilter(engines=frozenset({FORECAST}), states=frozenset({State.DONE}), limit=_LIKE_RUNS)
    found = [_measure(run) for run in tx.list_runs(which).runs if _precision_of(run) == precision]
    paces = [pace for pace in found if pace is not None]
    same = [pace for pace in paces if pace.window_cost == window_cost]
    near = [pace for pace in paces if 1 / _MOST_APART <= pace.window_cost / window_cost <= _MOST_APART]
    return same or near


def _precision_of(run: Run) -> object:
    config: Any = run.spec.config
    return config["training"]["precision"]


def _measure(run: Run) -> _Pace | None:
    """None of a run whose result does not tell what its training was."""
    details: Any = run.result.details if run.result else {}
    training, rows = details.get("training"), details.get("windows")
    if not training or not rows or not training["elapsed_s"] or not training["steps"]:
        return None
    config: Any = run.spec.config
    windows = min(rows["train"], config["training"]["max_windows_per_epoch"] or rows["train"])
    learnt = windows * training["steps"] / ceil(windows / config["training"]["batch_size"])
    judged = rows["validation"] * len(training["validations"])
    window_cost = _cost_of(details["parameters"], config["model"]["context_patches"])
    cost = window_cost * (_LEARNT * learnt + judged)
    return _Pace(window_cost, cost / training["elapsed_s"], max(run.spent_s - training["elapsed_s"], 0.0))


def _cost_of(parameters: int, context_patches: int) -> float:
    """In proportion to the work of a window: each weight is used once a token."""
    return float(parameters * context_patches)
