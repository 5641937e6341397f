"""Whether something grows: a straight line through samples, and how sure its slope is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean

_BLOCKS = 12
FEWEST = 2 * _BLOCKS  # samples
_T_95 = 2.228  # Student's t, 97.5 %, of 10 degrees of freedom: a line through 12 points


@dataclass(frozen=True)
class Slope:
    """How much more a unit of time brings, with the half width of its 95 % interval."""

    value: float
    margin: float

    @property
    def low(self) -> float:
        return self.value - self.margin

    @property
    def high(self) -> float:
        return self.value + self.margin


def fit_slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares through the means of twelve stretches of equal length.

    Neighbouring samples resemble each other, so that a line through all of them would look surer than it is; the means
    of long stretches hardly do. ValueError for fewer than 24 samples.
    """
    if len(times) < FEWEST:
        raise ValueError(f"{len(times)} samples: at least {FEWEST} are needed")
    bounds = [round(number * len(times) / _BLOCKS) for number in range(_BLOCKS + 1)]
    stretches = [slice(*pair) for pair in pairwise(bounds)]
    x, y = ([fmean(series[stretch]) for stretch in stretches] for series in (times, values))
    middle_x, middle_y = fmean(x), fmean(y)
    spread = sum((each - middle_x) ** 2 for each in x)
    slope = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread
    left = sum((b - middle_y - slope * (a - middle_x)) ** 2 for a, b in zip(x, y, strict=True))
    return Slope(slope, _T_95 * sqrt(left / (_BLOCKS - 2) / spread))
