"""Numbers as people read them; a missing one is an em dash and the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from headway.domain.json import Json
from headway.evaluation.trading import MIN_BARS, Interval, Performance

DASH = "—"
_MINUS = "−"
_GAP = "\u00a0"  # between number and unit: never broken over two lines

STILL = "nothing moved"
NO_INTERVAL = f"fewer than {MIN_BARS} bars, or too few of them move"


@dataclass(frozen=True)
class Number:
    """A number as text, and why it is missing where it is."""

    text: str
    why: str | None = None


def missing(why: str) -> Number:
    return Number(DASH, why)


def percent(fraction: float | None, why: str = "", *, signed: bool = False) -> Number:
    """0.1234 as `12.3 %`."""
    if fraction is None:
        return missing(why)
    value = 100.0 * fraction
    return Number(f"{_decimal(value, _digits(value), signed=signed)}{_GAP}%")


def ratio(value: float | None, why: str = "", *, digits: int = 2) -> Number:
    return missing(why) if value is None else Number(_decimal(value, digits))


def tick_ratio(value: float, step: float) -> str:
    """A number on an axis, with the decimals that tell it from the next tick."""
    return _decimal(value, max(0, -math.floor(math.log10(step * 1.001))))


def tick_percent(fraction: float, step: float) -> str:
    return f"{tick_ratio(100.0 * fraction, 100.0 * step)}{_GAP}%"


def count(value: int) -> Number:
    return Number(f"{value:,}")


def between(interval: Interval | None, why: str = NO_INTERVAL) -> Number:
    """`0.12 to 2.34`."""
    return (
        missing(why)
        if interval is None
        else Number(f"{_decimal(interval[0], 2)} to {_decimal(interval[1], 2)}")
    )


def interval_of(performance: Performance) -> Interval | None:
    low, high = performance.sharpe_low, performance.sharpe_high
    return None if low is None or high is None else (low, high)


def moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")


def day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def duration(seconds: float) -> str:
    """The two largest of days, hours, minutes and seconds."""
    left, parts = round(seconds), []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{_GAP}{name}")
    return " ".join(parts[:2]) or f"0{_GAP}s"


def spell(value: Json) -> str:
    """A JSON value in one line."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {spell(inner)}" for key, inner in value.items()) or DASH
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(spell(inner) for inner in value) or DASH
    return f"{value:,}" if isinstance(value, int) else str(value)


def verdict(difference: Interval | None) -> str:
    """What the interval of the difference of the Sharpe ratios, agent less buy and hold, says."""
    if difference is None:
        return f"No interval can be given for the difference between agent and buy and hold: {NO_INTERVAL}."
    span = f"the 95{_GAP}% interval of the difference of the Sharpe ratios, {between(difference).text}"
    if difference[0] > 0.0:
        return f"Better than buy and hold in this window: {span}, lies above 0."
    if difference[1] < 0.0:
        return f"Worse than buy and hold in this window: {span}, lies below 0."
    return f"Not distinguishable from buy and hold: {span}, includes 0."


def _decimal(value: float, digits: int, *, signed: bool = False) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0.,"):
        return text  # a rounded 0 has no sign
    return f"{_MINUS if value < 0.0 else '+' if signed else ''}{text}"


def _digits(value: float) -> int:
    return 2 if abs(value) < 10.0 else 1 if abs(value) < 1_000.0 else 0
