"""The charts of the report: training, the newest forecasts, predicted against realised, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from headway.engines.forecast.panel import Classes, Floats, Floats32, Forecast, Panel, Rows
from headway.engines.pages.charts import (
    POINTS,
    SIZE,
    Axis,
    Chart,
    Drawn,
    Line,
    Tick,
    bin_begins,
    draw_chart,
    draw_path,
    nice_ticks,
)
from headway.engines.pages.wording import moment, percent, ratio, tick_percent, tick_ratio
from headway.evaluation.classification import Bin, reliability

Series = Sequence[tuple[int, float]]  # (step, value), steps ascending

NEWEST_ROWS = 168
SCATTERED_ROWS = 800


class Validated(Protocol):
    """A validation during training; `scores` by name, as `scores.score` gives them."""

    @property
    def step(self) -> int: ...

    @property
    def loss(self) -> float: ...

    @property
    def scores(self) -> Mapping[str, float]: ...


def draw_losses(train_loss: Series, found: Sequence[Validated], best_step: int | None) -> Chart | None:
    """Losses of training and validation by step, the chosen weights marked; None without either."""
    validated = [(v.step, v.loss) for v in found]
    steps = sorted({step for step, _ in (*_thin(train_loss), *validated)})
    if not steps:
        return None
    axis = Axis(_whole, _whole, tick_ratio, _number, marker_x=best_step, with_zero=False)
    lines = [
        Line("Train", "baseline", _at(steps, train_loss)),
        Line("Validation", "model", _at(steps, validated)),
    ]
    return draw_chart("Loss", np.array(steps, np.float64), lines, axis)


def draw_rate(learning_rate: Series) -> Chart | None:
    """The learning rate by step."""
    if not learning_rate:
        return None
    thinned = _thin(learning_rate)
    axis = Axis(
        _whole, _whole, lambda value, _: f"{value:.0e}" if value else "0", lambda value: f"{value:.2e}"
    )
    steps, values = (np.array(column, np.float64) for column in zip(*thinned, strict=True))
    return draw_chart("Learning rate", steps, [Line("Learning rate", "model", values)], axis)


def draw_scores(found: Sequence[Validated], best_step: int | None) -> tuple[Chart, ...]:
    """Directional accuracy, and RMSE beside that of no change, on the validation rows."""
    if not found:
        return ()
    steps = [v.step for v in found]
    places = np.array(steps, np.float64)
    share = Axis(_whole, _whole, tick_percent, _share, marker_x=best_step, with_zero=False)
    error = Axis(_whole, _whole, tick_percent, _share, marker_x=best_step, with_zero=False)
    return (
        draw_chart(
            "Directional accuracy on the validation rows",
            places,
            [
                Line("More frequent direction", "baseline", _score(found, "baseline_da")),
                Line("Model", "model", _score(found, "da")),
            ],
            share,
        ),
        draw_chart(
            "RMSE on the validation rows",
            places,
            [
                Line("No change", "baseline", _score(found, "baseline_rmse")),
                Line("Model", "model", _score(found, "rmse")),
            ],
            error,
        ),
    )


def draw_newest(panel: Panel, rows: Rows, forecast: Forecast) -> Chart:
    """The next bar of the newest rows: what came, the forecast and its interval."""
    kept = slice(max(0, len(rows) - NEWEST_ROWS), len(rows))
    at_s, scale = panel.at_s[rows[kept]].astype(np.float64), panel.target_scale
    named = [("What came", "baseline", panel.path_target[rows]), ("Forecast", "model", forecast.mean)]
    if forecast.lower is not None and forecast.upper is not None:
        named += [("10 %", "bound", forecast.lower), ("90 %", "bound", forecast.upper)]
    lines = [Line(label, kind, values[kept, 0].astype(np.float64) * scale) for label, kind, values in named]
    return draw_chart(
        f"Return to the next bar, newest {len(at_s)} rows",
        at_s,
        lines,
        Axis(moment, moment, tick_percent, _share),
    )


def draw_scatter(panel: Panel, rows: Rows, forecast: Forecast) -> Chart | None:
    """Predicted (across) against realised (down) return to the next bar, a dot a row; None without any row known.

    Both axes leave out the outermost hundredth of the rows.
    """
    target = panel.path_target[rows, 0].astype(np.float64) * panel.target_scale
    known = np.flatnonzero(np.isfinite(target))
    if len(known) < 2:
        return None
    known = known[bin_begins(len(known), SCATTERED_ROWS)]
    x, y = forecast.mean[known, 0].astype(np.float64) * panel.target_scale, target[known]
    x_ticks, y_ticks = _symmetric(x), _symmetric(y)
    inside = (np.abs(x) <= x_ticks[-1]) & (np.abs(y) <= y_ticks[-1])
    across, down = _place(x[inside], x_ticks), SIZE - _place(y[inside], y_ticks)
    dots = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(across.tolist(), down.tolist(), strict=True))
    return Chart(
        title="Predicted (across) and realised return to the next bar",
        lines=(Drawn("As predicted", "baseline", _diagonal(x_ticks, y_ticks)), Drawn("Rows", "dots", dots)),
        x_ticks=_ticks(x_ticks, ascending=True),
        y_ticks=_ticks(y_ticks, ascending=False),
        base_at=SIZE / 2.0,
        marker_at=None,
        hover={},
    )


def draw_reliability(name: str, probabilities: Floats32, target: Classes) -> Chart | None:
    """How often a trend came as forecast, against how sure the model was; on the diagonal it means what it says."""
    known = target >= 0
    bins: list[Bin] = (
        reliability(probabilities[known].astype(np.float64), target[known]) if known.any() else []
    )
    if not bins:
        return None
    sure = np.array([0.0, *(b.confidence for b in bins), 1.0])
    right = np.array([np.nan, *(b.accuracy for b in bins), np.nan])
    lines = [Line("Calibrated", "baseline", sure), Line("Model", "model", right)]
    return draw_chart(
        f"{name} trend: right, by how sure", sure, lines, Axis(_share, _share, tick_percent, _share)
    )


def _symmetric(values: Floats) -> list[float]:
    """Ticks from -edge to edge, so that 99 % of the values are within."""
    edge = float(np.quantile(np.abs(values), 0.99)) or 1e-6
    edge = max(nice_ticks(0.0, edge, about=2))
    return [-edge, -edge / 2.0, 0.0, edge / 2.0, edge]


def _diagonal(x_ticks: list[float], y_ticks: list[float]) -> str:
    """Where what came is what was predicted."""
    edge = min(x_ticks[-1], y_ticks[-1])
    ends = np.array([-edge, edge])
    return draw_path(_place(ends, x_ticks), SIZE - _place(ends, y_ticks))


def _place(values: Floats, ticks: list[float]) -> Floats:
    return np.asarray((values - ticks[0]) / (ticks[-1] - ticks[0]) * SIZE)


def _ticks(values: list[float], *, ascending: bool) -> tuple[Tick, ...]:
    step = values[1] - values[0]
    places = _place(np.array(values), values) / 10.0
    return tuple(
        Tick(float(place if ascending else 100.0 - place), tick_percent(value, step))
        for place, value in zip(places.tolist(), values, strict=True)
    )


def _thin(series: Series) -> Series:
    """At most as many points as a line has; the last is kept."""
    if len(series) <= POINTS:
        return series
    return [series[row] for row in np.unique(np.linspace(0, len(series) - 1, POINTS).astype(int)).tolist()]


def _at(steps: list[int], series: Series) -> Floats:
    """The values of a series at these steps, between its own by straight lines; NaN before and after it."""
    if not series:
        return np.full(len(steps), np.nan)
    own, values = (np.array(column, np.float64) for column in zip(*series, strict=True))
    return np.interp(np.array(steps, np.float64), own, values, left=np.nan, right=np.nan)


def _score(found: Sequence[Validated], name: str) -> Floats:
    return np.array([v.scores.get(name, np.nan) for v in found])


def _share(value: float) -> str:
    return percent(value).text


def _number(value: float) -> str:
    return ratio(value, digits=4).text


def _whole(step: float) -> str:
    return f"{step:,.0f}"
