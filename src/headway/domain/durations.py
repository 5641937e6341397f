"""Lengths of time as people write them: `30m`, `4h`, `1w`."""

from __future__ import annotations

import re
from math import ceil

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_DURATION_S = 10 * 366 * 86_400

_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhdw])")


def parse_duration_s(text: str) -> int:
    """Seconds of `30m`, `4h`, `1w`; ValueError for anything else, and beyond ten years."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is no duration: a whole number and one of s, m, h, d, w, like 30m or 1w"
        )
    duration_s = int(match[1]) * UNITS_S[match[2]]
    if duration_s > MAX_DURATION_S:
        raise ValueError(f"{text} is longer than ten years")
    return duration_s


def count_bars(duration_s: int, bar_s: int) -> int:
    """Bars until the first one that closes at or after the duration."""
    return ceil(duration_s / bar_s)
