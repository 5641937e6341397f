"""Charts of the report as plain geometry: coordinates from 0 to 1000 that the template draws and CSS stretches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.domain.json import JsonObject
from headway.engines.pages.wording import DASH

SIZE = 1_000.0  # of the square that all coordinates are in
POINTS = 400  # of a line, at most

Floats = NDArray[np.float64]
Format = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """What to draw: `kind` is the CSS class; NaN leaves a hole."""

    label: str
    kind: str
    y_p: Floats


@dataclass(frozen=True)
class Tick:
    """A label on an axis, at a part (0 to 100) of its length from the left or the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A line as an SVG path."""

    label: str
    kind: str
    path: str


@dataclass(frozen=True)
class Chart:
    """Lines over one axis. `base_at` is where 0 is, from the top; `marker_at` a marked place, from the left."""

    title: str
    lines: tuple[Drawn, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    base_at: float | None
    marker_at: float | None
    hover: JsonObject


@dataclass(frozen=True)
class Axis:
    """How the numbers of a chart become text: short at the ticks (given the step between them), full on hovering.

    `with_zero` has the axis include 0.
    """

    tick_x: Format
    format_x: Format
    tick_y: Callable[[float, float], str]
    format_y: Format
    marker_x: float | None = None
    with_zero: bool = True


def draw_chart(title: str, x_p: Floats, lines: Sequence[Line], axis: Axis) -> Chart:
    """Lines over the same places; `x_p` grows."""
    values = np.concatenate([line.y_p[np.isfinite(line.y_p)] for line in lines])
    if axis.with_zero or not len(values):
        values = np.append(values, 0.0)
    ticks = nice_ticks(float(values.min()), float(values.max()))
    low, high = min(ticks[0], float(values.min())), max(ticks[-1], float(values.max()))
    across = _scale(x_p, float(x_p[0]), float(x_p[-1]))
    drawn = [
        Drawn(line.label, line.kind, draw_path(across, SIZE - _scale(line.y_p, low, high))) for line in lines
    ]
    places = sorted({0, len(x_p) // 4, len(x_p) // 2, 3 * len(x_p) // 4, len(x_p) - 1})
    return Chart(
        title=title,
        lines=tuple(drawn),
        x_ticks=tuple(Tick(float(across[p]) / 10.0, axis.tick_x(float(x_p[p]))) for p in places),
        y_ticks=tuple(
            Tick(100.0 * (high - tick) / (high - low), axis.tick_y(tick, ticks[1] - ticks[0]))
            for tick in ticks
        ),
        base_at=SIZE * high / (high - low) if low <= 0.0 <= high else None,
        marker_at=_place(axis.marker_x, x_p),
        hover=_hover(across, x_p, lines, axis),
    )


def draw_ribbon(position_r: Floats, *, bins: int = 250) -> tuple[str, str]:
    """(long, short) as areas above and below the middle: the mean position of each of so many stretches of bars."""
    begins = bin_begins(len(position_r), bins)
    counts = np.diff(begins, append=len(position_r))
    return (
        _area(np.add.reduceat(np.maximum(position_r, 0.0), begins) / counts),
        _area(np.add.reduceat(np.minimum(position_r, 0.0), begins) / counts),
    )


def bin_begins(rows: int, bins: int) -> NDArray[np.int64]:
    """The first row of each of at most so many bins of about equal size."""
    return np.unique(np.linspace(0, rows, min(rows, bins), endpoint=False).astype(np.int64))


def nice_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`."""
    span = high - low
    if span <= 0.0:
        return [low, low + (abs(low) or 1.0)]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1.0, 2.0, 5.0, 10.0) if power * unit >= rough * 0.999)
    return [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def draw_path(across_p: Floats, down_p: Floats) -> str:
    """An SVG path through the points; a point without neighbours becomes a dot of the width of the line."""
    parts, pen_is_down = [], False
    for x, y in zip(across_p.tolist(), down_p.tolist(), strict=True):
        if math.isfinite(y):
            parts.append(f"{'L' if pen_is_down else 'M'}{x:.1f} {y:.1f}" + ("" if pen_is_down else "h0"))
        pen_is_down = math.isfinite(y)
    return "".join(parts)


def _hover(across_p: Floats, x_p: Floats, lines: Sequence[Line], axis: Axis) -> JsonObject:
    """What the script of the page reads: places in percent, their texts, and the text of each line there."""
    return {
        "x": [round(place / 10.0, 1) for place in across_p.tolist()],
        "t": [axis.format_x(x) for x in x_p.tolist()],
        "s": [
            {
                "n": line.label,
                "v": [axis.format_y(y) if math.isfinite(y) else DASH for y in line.y_p.tolist()],
            }
            for line in lines
        ],
    }


def _area(height_b: Floats) -> str:
    """Steps of equal width around the middle, from 1 at the top to -1 at the bottom."""
    width, middle = SIZE / len(height_b), SIZE / 2.0
    steps = "".join(f"V{middle - h * middle:.0f}h{width:.2f}" for h in height_b.tolist())
    return f"M0 {middle:.0f}{steps}V{middle:.0f}Z"


def _scale(values: Floats, low: float, high: float) -> Floats:
    if high <= low:
        return np.full(len(values), SIZE / 2.0)
    return np.asarray((values - low) / (high - low) * SIZE)


def _place(marked: float | None, x_p: Floats) -> float | None:
    if marked is None or x_p[-1] <= x_p[0]:
        return None
    return float((marked - x_p[0]) / (x_p[-1] - x_p[0]) * 100.0)
