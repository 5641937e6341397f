"""What both stores do alike around a series: group points, guard cursors, join the attempts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headway.domain.errors import StaleAttempt
from headway.domain.metrics import Bucket, MetricPoint
from headway.ports import LogCursor
from headway.store.series import Blocks, read

_FIRST, _LAST = -(2**62), 2**62


@dataclass(frozen=True)
class Part:
    """A series of one attempt."""

    attempt: int
    first_step: int
    points: int
    blocks: Blocks


def by_name(points: Sequence[MetricPoint]) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of each name, in the order given."""
    found: dict[str, list[tuple[int, float]]] = {}
    for point in points:
        found.setdefault(point.name, []).append((point.step, point.value))
    return found


def require_forward(stored: LogCursor, cursor: LogCursor) -> None:
    """StaleAttempt when a cursor would move back."""
    if cursor.offset_bytes < stored.offset_bytes or cursor.seq < stored.seq:
        raise StaleAttempt(f"the log was read to {stored}: it cannot go back to {cursor}")


def read_parts(parts: Sequence[Part], window: tuple[int, int], max_buckets: int) -> list[Bucket]:
    """Buckets of all attempts: where a later attempt begins, the earlier ones end."""
    pieces = _split(parts, window)
    total = sum(part.points for part, _, _ in pieces)
    spare = max(max_buckets - len(pieces), 0)  # each attempt has one bucket at least
    buckets: list[Bucket] = []
    for part, first, last in pieces:
        share = 1 + spare * part.points // total
        buckets += read(part.blocks, part.points, first, last, share)
    return buckets


def _split(parts: Sequence[Part], window: tuple[int, int]) -> list[tuple[Part, int, int]]:
    first, last = window
    pieces = []
    for part in sorted(parts, key=lambda part: part.attempt, reverse=True):
        pieces.append((part, first, last))
        last = min(last, part.first_step - 1)
    return pieces[::-1]


def window(first_step: int | None, last_step: int | None) -> tuple[int, int]:
    """The range of steps asked for; without an end, as far as numbers go."""
    return (_FIRST if first_step is None else first_step, _LAST if last_step is None else last_step)
