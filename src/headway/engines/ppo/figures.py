"""The charts of the report: equity and drawdown, validation during training, Sharpe ratios with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headway.engines.pages.charts import POINTS, Axis, Chart, Line, bin_begins, draw_chart
from headway.engines.pages.wording import (
    Number,
    between,
    day,
    moment,
    percent,
    ratio,
    tick_percent,
    tick_ratio,
)
from headway.engines.ppo.accounts import Floats
from headway.engines.ppo.verdicts import NO_INTERVAL, STILL, interval_of
from headway.evaluation.trading import Interval, Performance, drawdown_r


class Validated(Protocol):
    """A validation during training; `growth` is log growth over the validation window."""

    @property
    def step(self) -> int: ...

    @property
    def growth(self) -> float: ...

    @property
    def sharpe(self) -> float | None: ...


@dataclass(frozen=True)
class Whisker:
    """A number with its interval, at places from 0 to 100 along a scale that includes `zero`."""

    label: str
    kind: str
    value: Number
    interval: Number
    zero: float
    point: float | None
    low: float | None
    high: float | None


def draw_window(
    at_s: NDArray[np.int64], agent: Floats, hold: Floats, *, points: int = POINTS
) -> tuple[Chart, Chart]:
    """Return and drawdown from the simple returns of both over the same bars.

    A point stands for a stretch of bars: the return at its end, the deepest drawdown within.
    """
    begins = bin_begins(len(at_s), points)
    lasts = np.append(begins[1:], len(at_s)) - 1
    times = at_s[lasts].astype(np.float64)
    axis = Axis(day, moment, tick_percent, _signed_percent)
    gains = [np.expm1(np.cumsum(np.log1p(returns)))[lasts] for returns in (hold, agent)]
    losses = [-np.maximum.reduceat(drawdown_r(returns), begins) for returns in (hold, agent)]
    return (
        draw_chart("Return since the start of the test window", times, _both(*gains), axis),
        draw_chart("Drawdown: below the highest equity so far", times, _both(*losses), axis),
    )


def draw_training(found: Sequence[Validated], best_step: int) -> tuple[Chart, ...]:
    """Return and Sharpe ratio over the validation window, the best marked; a part of the validations if many."""
    if not found:
        return ()
    found = [found[row] for row in bin_begins(len(found), POINTS).tolist()]
    steps = np.array([v.step for v in found], np.float64)
    returns = np.expm1([v.growth for v in found])
    sharpes = np.array([np.nan if v.sharpe is None else v.sharpe for v in found])
    gains = Axis(_whole, _whole, tick_percent, _signed_percent, marker_x=best_step)
    ratios = Axis(_whole, _whole, tick_ratio, lambda value: ratio(value).text, marker_x=best_step)
    return (
        draw_chart("Return over the validation window", steps, [Line("Agent", "agent", returns)], gains),
        draw_chart(
            "Sharpe ratio over the validation window", steps, [Line("Agent", "agent", sharpes)], ratios
        ),
    )


def draw_forest(agent: Performance, hold: Performance, difference: Interval | None) -> tuple[Whisker, ...]:
    """The Sharpe ratios of both and their difference."""
    gap = None if agent.sharpe is None or hold.sharpe is None else agent.sharpe - hold.sharpe
    rows = [
        ("Agent", "agent", agent.sharpe, interval_of(agent)),
        ("Buy and hold", "hold", hold.sharpe, interval_of(hold)),
        ("Difference", "difference", gap, difference),
    ]
    seen = [0.0]
    for _, _, point, interval in rows:
        seen += [*(interval or ()), *(() if point is None else (point,))]
    low, span = min(seen), (max(seen) - min(seen)) or 1.0

    def place(value: float) -> float:
        return 3.0 + 94.0 * (value - low) / span

    return tuple(
        Whisker(
            label=label,
            kind=kind,
            value=ratio(point, STILL),
            interval=between(interval, NO_INTERVAL),
            zero=place(0.0),
            point=None if point is None else place(point),
            low=place(interval[0]) if interval else None,
            high=place(interval[1]) if interval else None,
        )
        for label, kind, point, interval in rows
    )


def _both(hold: Floats, agent: Floats) -> tuple[Line, Line]:
    """Buy and hold first: the agent is drawn over it."""
    return Line("Buy and hold", "hold", hold), Line("Agent", "agent", agent)


def _signed_percent(value: float) -> str:
    return percent(value, signed=True).text


def _whole(step: float) -> str:
    return f"{step:,.0f}"
