"""Numbers as people read them. What is missing is shown as a dash, never as 0."""

from __future__ import annotations

from math import floor, log10

MISSING = "–"
_UNITS = ("B", "kB", "MB", "GB", "TB")
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_DIGITS = 4


def say_number(value: float | None, digits: int = _DIGITS) -> str:
    """`0.4123`, `12,340`, `2.0e-04`: so many significant digits."""
    if value is None:
        return MISSING
    if value == 0:
        return "0"
    size = floor(log10(abs(value)))
    if not -4 <= size < 7:
        return f"{value:.{digits - 3}e}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{max(digits - 1 - size, 0)}f}"


def say_share(value: float | None) -> str:
    """A fraction in percent."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def say_bytes(value: float | None) -> str:
    """In powers of 1,000, as disks are sold."""
    if value is None:
        return MISSING
    for unit in _UNITS[:-1]:
        if abs(value) < 1_000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1_000
    return f"{value:.1f} {_UNITS[-1]}"


def say_duration(seconds: float | None) -> str:
    """The two largest units: `2 h 5 min`, `3.4 s`."""
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    parts, left = [], round(seconds)
    for size, unit in _SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
