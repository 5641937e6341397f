"""Numbers as people read them; a missing one is an em dash and the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from headway.domain.json import Json

DASH = "—"
_MINUS = "−"
GAP = "\u00a0"  # between number and unit: never broken over two lines


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
    return Number(f"{_decimal(value, _digits(value), signed=signed)}{GAP}%")


def ratio(value: float | None, why: str = "", *, digits: int = 2) -> Number:
    return missing(why) if value is None else Number(_decimal(value, digits))


def tick_ratio(value: float, step: float) -> str:
    """A number on an axis, with the decimals that tell it from the next tick."""
    return _decimal(value, max(0, -math.floor(math.log10(step * 1.001))))


def tick_percent(fraction: float, step: float) -> str:
    return f"{tick_ratio(100.0 * fraction, 100.0 * step)}{GAP}%"


def count(value: int) -> Number:
    return Number(f"{value:,}")


def between(interval: tuple[float, float] | None, why: str = "") -> Number:
    """`0.12 to 2.34`."""
    if interval is None:
        return missing(why)
    return Number(f"{_decimal(interval[0], 2)} to {_decimal(interval[1], 2)}")


def percent_between(interval: tuple[float, float] | None, why: str = "") -> Number:
    """0.12 and 0.345 as `12.0 to 34.5 %`."""
    if interval is None:
        return missing(why)
    low, high = (100.0 * bound for bound in interval)
    digits = _digits(max(abs(low), abs(high)))
    return Number(f"{_decimal(low, digits)} to {_decimal(high, digits)}{GAP}%")


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
            parts.append(f"{whole}{GAP}{name}")
    return " ".join(parts[:2]) or f"0{GAP}s"


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


def _decimal(value: float, digits: int, *, signed: bool = False) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0.,"):
        return text  # a rounded 0 has no sign
    return f"{_MINUS if value < 0.0 else '+' if signed else ''}{text}"


def _digits(value: float) -> int:
    return 2 if abs(value) < 10.0 else 1 if abs(value) < 1_000.0 else 0
