"""How good forecasts of classes are. `actual_r` holds classes 0 to k - 1, `probabilities_rk` rows that add up to 1.

A measure over no rows at all is None: there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.domain.errors import InvalidInput

Floats = NDArray[np.float64]
Classes = NDArray[np.integer]
Counts = NDArray[np.int64]

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Forecasts of about equal confidence: how sure they were, and how often they were right."""

    confidence: float
    accuracy: float
    rows: int


def confusion(actual_r: Classes, forecast_r: Classes, classes: int) -> Counts:
    """[actual, forecast] counts. InvalidInput for classes that are not 0 to `classes` - 1."""
    for name, found in (("actual_r", actual_r), ("forecast_r", forecast_r)):
        if found.size and not (int(found.min()) >= 0 and int(found.max()) < classes):
            bound = f"classes from 0 to {classes - 1}"
            raise InvalidInput(name, int(found.min()), bound, remedy="Leave out masked rows")
    if actual_r.shape != forecast_r.shape:
        raise InvalidInput("forecast_r", forecast_r.shape, f"of the same shape as actual_r: {actual_r.shape}")
    cells = actual_r.astype(np.int64) * classes + forecast_r.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(counts: Counts) -> float | None:
    """Share of the rows whose class was forecast."""
    total = int(counts.sum())
    return float(np.trace(counts)) / total if total else None


def f1_scores(counts: Counts) -> list[float | None]:
    """Of each class 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979); None for one neither there nor forecast."""
    hits = np.diag(counts)
    seen = counts.sum(axis=0) + counts.sum(axis=1)
    return [2.0 * float(hit) / float(all_) if all_ else None for hit, all_ in zip(hits, seen, strict=True)]


def macro_f1(counts: Counts) -> float | None:
    """Mean of the F1 scores of the classes that are there or were forecast: a rare class counts like a common one."""
    scores = [score for score in f1_scores(counts) if score is not None]
    return float(np.mean(scores)) if scores else None


def matthews(counts: Counts) -> float | None:
    """Correlation of actual and forecast classes, -1 to 1 (Matthews 1975; for several classes Gorodkin 2004).

    0 where all rows have one class, or one was always forecast: the usual convention for 0 / 0.
    """
    total = float(counts.sum())
    if not total:
        return None
    actual, forecast = counts.sum(axis=1).astype(np.float64), counts.sum(axis=0).astype(np.float64)
    covariance = float(np.trace(counts)) * total - float(actual @ forecast)
    spread = (total**2 - float(actual @ actual)) * (total**2 - float(forecast @ forecast))
    return covariance / float(np.sqrt(spread)) if spread > 0.0 else 0.0


def brier(probabilities_rk: Floats, actual_r: Classes) -> float | None:
    """Mean over the rows of `brier_rows`: 0 is perfect, 2 the worst."""
    return float(brier_rows(probabilities_rk, actual_r).mean()) if len(actual_r) else None


def brier_rows(probabilities_rk: Floats, actual_r: Classes) -> Floats:
    """Squared distance of the probabilities to what came, summed over the classes (Brier 1950)."""
    _require_probabilities(probabilities_rk, actual_r)
    came = np.eye(probabilities_rk.shape[1])[actual_r]
    return np.asarray(((probabilities_rk - came) ** 2).sum(axis=1))


def reliability(probabilities_rk: Floats, actual_r: Classes, *, bins: int = BINS) -> list[Bin]:
    """The forecasts (most likely class) in bins of equal width by their confidence; empty bins are left out."""
    _require_probabilities(probabilities_rk, actual_r)
    sure = probabilities_rk.max(axis=1)
    right = probabilities_rk.argmax(axis=1) == actual_r
    place = np.clip(
        np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1
    )  # (0, 1/bins], ... as in the paper
    rows = np.bincount(place, minlength=bins)
    confidence = np.bincount(place, weights=sure, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    return [
        Bin(float(confidence[k] / rows[k]), float(hits[k] / rows[k]), int(rows[k]))
        for k in np.flatnonzero(rows)
    ]


def calibration_error(probabilities_rk: Floats, actual_r: Classes, *, bins: int = BINS) -> float | None:
    """Expected calibration error: mean distance of confidence and accuracy over the bins, weighted by their rows
    (Guo, Pleiss, Sun and Weinberger 2017)."""
    found = reliability(probabilities_rk, actual_r, bins=bins)
    if not found:
        return None
    return sum(b.rows * abs(b.confidence - b.accuracy) for b in found) / len(actual_r)


def auroc(probabilities_rk: Floats, actual_r: Classes) -> float | None:
    """Area under the ROC curve, each class against the rest, mean over the classes that some rows have and some do not.

    The chance that a row of the class has a higher probability than another row, ties counting half (Hanley and McNeil
    1982). None where no class can be told from the rest.
    """
    _require_probabilities(probabilities_rk, actual_r)
    areas = []
    for k in range(probabilities_rk.shape[1]):
        inside = actual_r == k
        positive, negative = int(inside.sum()), int((~inside).sum())
        if positive and negative:
            ranks = float(_mean_ranks(probabilities_rk[:, k])[inside].sum())
            areas.append((ranks - positive * (positive + 1) / 2.0) / (positive * negative))
    return float(np.mean(areas)) if areas else None


def _mean_ranks(values_r: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, counts = np.unique(values_r, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    return np.asarray((last - (counts - 1) / 2.0)[group])


def _require_probabilities(probabilities_rk: Floats, actual_r: Classes) -> None:
    if probabilities_rk.ndim != 2 or len(probabilities_rk) != len(actual_r):
        bound = f"a row for each of the {len(actual_r)} actual classes"
        raise InvalidInput("probabilities_rk", probabilities_rk.shape, bound)
    if len(actual_r) and not (int(actual_r.min()) >= 0 and int(actual_r.max()) < probabilities_rk.shape[1]):
        bound = f"classes from 0 to {probabilities_rk.shape[1] - 1}"
        raise InvalidInput("actual_r", int(actual_r.min()), bound, remedy="Leave out masked rows")
