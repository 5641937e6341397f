"""Time: aware UTC datetimes inside, ISO 8601 with Z at every border."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def require_aware(moment: datetime) -> datetime:
    """The same moment in UTC; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: give it a time zone")
    return moment.astimezone(UTC)


@lru_cache(maxsize=256)  # what happens at once is written down several times
def format_utc(moment: datetime) -> str:
    """`2026-11-23T09:05:36.123456Z`; always six digits, so that text order is time order."""
    return require_aware(moment).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_utc(text: str) -> datetime:
    """The moment that `format_utc` or any ISO 8601 text with a zone names; ValueError otherwise."""
    return require_aware(datetime.fromisoformat(text))


class SystemClock:
    """The machine's clock (port Clock)."""

    def now(self) -> datetime:
        return utc_now()

    def monotonic(self) -> float:
        return time.monotonic()
