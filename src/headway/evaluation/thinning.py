"""Long curves made short for a chart, with the extremes of every one of them kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from headway.evaluation.bootstrap import Floats

Rows = NDArray[np.int64]


def keep_extremes(curves: Sequence[Floats], points: int) -> Rows:
    """Rows to draw, ascending and at most `points`: of each stretch the lowest and the highest of every curve, and the
    first and last row of all. NaN is neither. All rows where they are few enough."""
    rows = len(curves[0])
    if rows <= points:
        return np.arange(rows)
    stretches = max((points - 2) // (2 * len(curves)), 1)
    edges = np.linspace(0, rows, stretches + 1, dtype=int).tolist()
    kept = {0, rows - 1}
    for curve in curves:
        low, high = np.where(np.isnan(curve), np.inf, curve), np.where(np.isnan(curve), -np.inf, curve)
        for begin, end in pairwise(edges):
            kept |= {begin + int(low[begin:end].argmin()), begin + int(high[begin:end].argmax())}
    return np.array(sorted(kept), np.int64)
