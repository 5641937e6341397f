"""Forecasts beside what came, from the table that the engine writes (`predictions.parquet`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from headway.domain.errors import InvalidInput
from headway.domain.outcomes import BoundShares, Calibration, Numbers, PathCurve, Span, Sureness
from headway.evaluation.bootstrap import Floats
from headway.evaluation.classification import reliability
from headway.evaluation.spans import is_within
from headway.evaluation.thinning import keep_extremes

_CLASSES = ("down", "flat", "up")
_PREFERRED = "test"


def read_path(path: Path, split: str | None, bar: int, span: Span, points: int) -> PathCurve:
    """Forecasts of one bar ahead (1 is the next); InvalidInput for a split or a bar that is not in the table."""
    table, split, splits = _read(path, split)
    bars = _count_bars(table)
    if not 1 <= bar <= bars:
        raise InvalidInput("bar", bar, f"from 1 to {bars}")
    at_s = table["timestamp"].dt.epoch("s").to_numpy()
    within = is_within(at_s, span)
    names = ("target", "pred_mean", "pred_lower", "pred_upper")
    curves = [_column(table, f"{name}_h{bar}")[within] for name in names]
    told = [curve for curve in curves if not np.isnan(curve).all()]
    kept = keep_extremes(told or curves[:1], points)
    actual, forecast, lower, upper = (curve[kept] for curve in curves)
    has_bounds = not np.isnan(curves[2]).all()
    return PathCurve(
        split=split,
        splits=splits,
        bar=bar,
        bars=bars,
        at_s=tuple(at_s[within][kept].tolist()),
        actual=_numbers(actual),
        forecast=_numbers(forecast),
        lower=_numbers(lower) if has_bounds else None,
        upper=_numbers(upper) if has_bounds else None,
        rows=int(within.sum()),
    )


def read_calibration(path: Path, split: str | None) -> Calibration:
    """How sure the model was and how right, of both trends and of the interval of 80 %."""
    table, split, splits = _read(path, split)
    bars = range(1, _count_bars(table) + 1)
    found = (_share_bounds(table, bar) for bar in bars)
    return Calibration(
        split,
        splits,
        _read_trend(table, "short"),
        _read_trend(table, "long"),
        tuple(shares for shares in found if shares is not None),
    )


def _read(path: Path, split: str | None) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    """The rows of a split, in order of time; without one, those of the test."""
    table = pl.read_parquet(path)
    splits = tuple(table["split"].unique(maintain_order=True).to_list())
    chosen = split or (_PREFERRED if _PREFERRED in splits else splits[0])
    if chosen not in splits:
        raise InvalidInput("split", split, f"one of {', '.join(splits)}")
    return table.filter(pl.col("split") == chosen).sort("timestamp"), chosen, splits


def _count_bars(table: pl.DataFrame) -> int:
    return sum(name.startswith("pred_mean_h") for name in table.columns)


def _column(table: pl.DataFrame, name: str) -> Floats:
    return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _numbers(values: Floats) -> Numbers:
    return tuple(None if np.isnan(value) else value for value in values.tolist())


def _read_trend(table: pl.DataFrame, trend: str) -> tuple[Sureness, ...]:
    known = table.filter(pl.col(f"{trend}_target").is_not_null())
    if not len(known):
        return ()
    chances = np.stack([_column(known, f"{trend}_prob_{name}") for name in _CLASSES], axis=1)
    actual = known[f"{trend}_target"].cast(pl.Int64).to_numpy()
    return tuple(Sureness(b.confidence, b.accuracy, b.rows) for b in reliability(chances, actual))


def _share_bounds(table: pl.DataFrame, bar: int) -> BoundShares | None:
    names = ("target", "pred_lower", "pred_upper")
    target, lower, upper = (_column(table, f"{name}_h{bar}") for name in names)
    known = ~(np.isnan(target) | np.isnan(lower) | np.isnan(upper))
    if not known.any():
        return None
    target, lower, upper = target[known], lower[known], upper[known]
    below, above = float((target < lower).mean()), float((target > upper).mean())
    inside = float(((lower <= target) & (target <= upper)).mean())
    return BoundShares(bar, len(target), below, inside, above, float((upper - lower).mean()))
