"""What a run page shows, worked out from the run: numbers with the reason of each that is missing, best and last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway.wire.runs import CheckpointInfo, TrainingRun

FORECAST = "forecast"
_SYSTEM = "system/"


@dataclass(frozen=True)
class Figure:
    """A number that scripts keep up to date. `series`: its name in the log; `say`: how it is worded."""

    label: str
    series: str
    value: float | None
    say: str = "number"
    why: str = ""  # it is missing
    hint: str = ""  # what it is, in which unit


_FORECAST_FIGURES = (
    ("Training loss", "train/loss", "number", "of the newest batches"),
    ("Validation loss", "val/loss", "number", "of the newest epoch"),
    ("Directional accuracy", "val/da", "share", "right direction of the next bars, validation"),
    ("F1 of the trends", "val/f1", "number", "mean of the classes, 0 to 1, validation"),
    ("RMSE", "val/rmse", "number", "log return, validation"),
    ("Learning rate", "train/learning_rate", "number", "of the optimiser"),
)
_SYSTEM_FIGURES = (
    ("CPU", "system/cpu_fraction", "share", "of all cores of the machine"),
    ("Memory", "system/memory_mb", "megabytes", "of the training process"),
    ("GPU compute", "system/gpu_fraction", "share", "of the time it was busy"),
    ("GPU memory", "system/gpu_memory_fraction", "share", "of all it has"),
    ("GPU memory used", "system/gpu_memory_mb", "megabytes", "by everything on it"),
)


def metric_figures(run: TrainingRun) -> list[Figure]:
    """The newest numbers of training: a fixed list for forecasts, else every one that was reported."""
    if run.engine == FORECAST:
        return [
            Figure(label, series, run.latest.get(series), say, _why_metric(run, series), hint)
            for label, series, say, hint in _FORECAST_FIGURES
        ]
    names = sorted(name for name in run.latest if not name.startswith(_SYSTEM))
    return [Figure(_label(name), name, run.latest[name], say_of(name), hint=name) for name in names]


def system_figures(run: TrainingRun) -> list[Figure]:
    """What the training uses of its machine."""
    return [
        Figure(label, series, run.latest.get(series), say, _why_system(run, series), hint)
        for label, series, say, hint in _SYSTEM_FIGURES
    ]


def shared_reason(figures: list[Figure]) -> str | None:
    """Why all of them are missing, where that is one and the same."""
    reasons = {figure.why for figure in figures if figure.value is None}
    return reasons.pop() if len(reasons) == 1 and all(figure.value is None for figure in figures) else None


def say_of(name: str) -> str:
    """How a number of this name is worded: `share` for fractions of 1, else as a number."""
    base = name.rpartition("/")[2]
    if base.endswith("_mb"):
        return "megabytes"
    return (
        "share"
        if base.endswith(("fraction", "coverage")) or base in ("da", "test_da", "val_da")
        else "number"
    )


def result_figures(run: TrainingRun) -> list[Figure]:
    """The headline numbers of an ended run, each missing one with its reason."""
    missing = _missing(run)
    return [
        Figure(_label(name), name, value, say_of(name), missing.get(name, "the engine gave none"))
        for name, value in run.results.items()
    ]


def pick_marks(run: TrainingRun) -> dict[str, list[str]]:
    """`best`, `last` and `pruned` by the file name of a checkpoint."""
    found: dict[str, list[str]] = {kept.filename: ["pruned"] * kept.pruned for kept in run.checkpoints}
    there = [kept for kept in run.checkpoints if not kept.pruned]
    if not there:
        return found
    best = _best(run, there)
    if best is not None:
        found[best.filename].append("best")
    found[max(there, key=lambda kept: kept.step).filename].append("last")
    return found


def _best(run: TrainingRun, there: list[CheckpointInfo]) -> CheckpointInfo | None:
    """That of the step whose weights the result is of; before there is a result, the lowest validation loss."""
    step = run.details.get("training", {}).get("best_step") if isinstance(run.details, dict) else None
    if step is not None:
        return next((kept for kept in there if kept.step == step), None)
    judged = [kept for kept in there if kept.val_loss is not None]
    return min(judged, key=lambda kept: kept.val_loss or 0.0, default=None)


def _missing(run: TrainingRun) -> Mapping[str, str]:
    missing: Any = run.details.get("missing", {})
    return missing if isinstance(missing, Mapping) else {}


def _why_metric(run: TrainingRun, series: str) -> str:
    if run.completed_at is not None:
        return "the run ended before there was one"
    return "after the first epoch" if series.startswith("val/") else "after the first steps"


def _why_system(run: TrainingRun, series: str) -> str:
    """Why a number of the machine is missing."""
    told = _missing(run).get(series.removeprefix(_SYSTEM))
    if told:
        return told
    if any(name.startswith(_SYSTEM) for name in run.latest):
        return "the training process sees no GPU"
    if run.engine != FORECAST:
        return f"the engine {run.engine} does not measure it"
    return "nothing was measured" if run.completed_at is not None else "measured once training has begun"


def _label(name: str) -> str:
    words = name.rpartition("/")[2].replace("_fraction", "").replace("_per_s", " per s").replace("_", " ")
    return words[:1].upper() + words[1:]
