"""What training walks over, and what a model says of it: flat arrays, nothing of torch, nothing of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headway.domain.manifest import DataSource

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Rows = NDArray[np.int64]
Classes = NDArray[np.int8]

DOWN, FLAT, UP, MASKED = 0, 1, 2, -1
TREND_NAMES = ("down", "flat", "up")  # by class
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Panel:
    """Bars of one symbol in several timeframes, aligned to the rows of the base timeframe, in order of time.

    Row r is known at `at_s[r]`, when its base bar closed. Of timeframe tf it may see the bars of `streams[tf]` up to
    and including `last_bar[tf][r]`, all of which have closed by then: the context of c bars is
    `streams[tf][last_bar[tf][r] - c + 1 : last_bar[tf][r] + 1]`. All arrays are C-contiguous and hold no NaN but where
    a target says that there is no future to learn from.
    """

    timeframes: tuple[str, ...]  # the base first, then coarser ones
    at_s: Rows  # [rows] close of the base bar, seconds since the epoch
    close: Floats  # [rows] in the quote currency
    streams: Mapping[str, Floats32]  # tf -> [bars, features], scaled on the train rows, without the warm-up
    last_bar: Mapping[str, Rows]  # tf -> [rows] newest bar of tf that has closed at the row
    feature_names: Mapping[str, tuple[str, ...]]
    path_target: (
        Floats32  # [rows, H] log(close[r + h] / close[r]) / target_scale, h = 1..H; NaN: no full future
    )
    target_scale: float  # standard deviation of the log return over one base bar, on the train rows
    short_target: Classes  # [rows] DOWN, FLAT, UP; MASKED: no full future
    long_target: Classes
    windows: Mapping[
        str, Rows
    ]  # train, validation, test -> rows with a full context, ascending; see splits.py
    context_bars: Mapping[str, int]  # tf -> bars of the context that `windows` allow
    data_source: DataSource
    warnings: tuple[str, ...] = ()

    @property
    def horizon(self) -> int:
        """H, the bars of the path."""
        return int(self.path_target.shape[1])

    @property
    def columns(self) -> tuple[int, ...]:
        """Features of each timeframe, in their order."""
        return tuple(len(self.feature_names[timeframe]) for timeframe in self.timeframes)

    def digest(self) -> str:
        """SHA-256 of all that training sees: a checkpoint goes on only with the same."""
        shape = (self.timeframes, sorted(self.context_bars.items()), self.target_scale)
        digest = hashlib.sha256(repr(shape).encode())
        arrays = [self.at_s, self.close, self.path_target, self.short_target, self.long_target]
        for timeframe in self.timeframes:
            digest.update(repr(self.feature_names[timeframe]).encode())
            arrays += [self.streams[timeframe], self.last_bar[timeframe]]
        for array in (*arrays, *(self.windows[name] for name in sorted(self.windows))):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Forecast:
    """What a model says at b rows, in units of the panel's `target_scale`.

    mean, lower, upper: [b, H] of the path, the bounds of an interval that holds 80 % (the 10 % and 90 % quantiles);
    None for bounds where the model gives none (a deterministic head). Probabilities: [b, 3], down, flat, up, rows add
    up to 1. `quantiles`: level -> [b, H], of a head that gives them; empty for any other.
    """

    mean: Floats32
    lower: Floats32 | None
    upper: Floats32 | None
    short_probabilities: Floats32
    long_probabilities: Floats32
    quantiles: Mapping[float, Floats32] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.mean)


def join_forecasts(parts: Sequence[Forecast]) -> Forecast:
    """One forecast of batches in their order. ValueError for none at all."""
    if not parts:
        raise ValueError("no forecasts to join")
    lower = [part.lower for part in parts if part.lower is not None]
    upper = [part.upper for part in parts if part.upper is not None]
    return Forecast(
        mean=np.concatenate([part.mean for part in parts]),
        lower=np.concatenate(lower) if len(lower) == len(parts) else None,
        upper=np.concatenate(upper) if len(upper) == len(parts) else None,
        short_probabilities=np.concatenate([part.short_probabilities for part in parts]),
        long_probabilities=np.concatenate([part.long_probabilities for part in parts]),
        quantiles={
            level: np.concatenate([part.quantiles[level] for part in parts]) for level in parts[0].quantiles
        },
    )
