"""Series of numbers, packed so that a chart of ten million points reads a few kilobytes. Pure but for a `Blocks`.

Level 0 holds the points (step, value), 64 entries a block. An entry of level k stands for 16 of level k - 1, and so for
16^k points: the steps it spans, its lowest and highest value and where they are. Only whole entries are written; what
is left over at the end is read from the levels below. So every point is written once, and extremes are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import NamedTuple, Protocol

from headway.domain.metrics import Bucket

FANOUT = 16
BLOCK = 64  # entries; a multiple of FANOUT, so that the children of an entry lie in one block

_POINT = Struct("<qd")
_SPAN = Struct("<qqqdqd")


class Entry(NamedTuple):
    """A stretch of a series; a single point at level 0."""

    first_step: int
    last_step: int
    min_step: int
    min_value: float
    max_step: int
    max_value: float
    points: int


@dataclass(frozen=True)
class Block:
    """Up to 64 entries of a level, packed."""

    first_step: int
    last_step: int
    payload: bytes


class Blocks(Protocol):
    """Where the blocks of one series are kept."""

    def find(self, level: int, number: int) -> Block | None: ...

    def put(self, level: int, number: int, block: Block) -> None: ...

    def overlapping(self, level: int, first_step: int, last_step: int) -> list[tuple[int, Block]]:
        """Blocks of a level, with their numbers and in order, that have steps in the range (ends included)."""

    def count_overlapping(self, level: int, first_step: int, last_step: int) -> int: ...


def entry_bytes(level: int) -> int:
    """How many bytes of a block an entry of a level takes."""
    return _SPAN.size if level else _POINT.size


def append(blocks: Blocks, count: int, points: Sequence[tuple[int, float]]) -> None:
    """Add points to a series that has `count` of them."""
    fresh = [Entry(step, step, step, value, step, value, 1) for step, value in points]
    level = 0
    while fresh:
        fresh = _append_level(blocks, level, count, fresh)
        count //= FANOUT
        level += 1


def read(blocks: Blocks, count: int, first_step: int, last_step: int, max_buckets: int) -> list[Bucket]:
    """The points of a range as at most `max_buckets` buckets in order of step, extremes kept."""
    level = _choose_level(blocks, count, first_step, last_step, max_buckets)
    found = list(_read_level(blocks, level, first_step, last_step))
    for lower in reversed(range(level)):
        found += _read_rest(blocks, lower, count, first_step, last_step)
    size = -(-len(found) // max_buckets)
    groups = (list(islice(found, at, at + size)) for at in range(0, len(found), max(size, 1)))
    return [_to_bucket(_merge(group)) for group in groups]


def _append_level(blocks: Blocks, level: int, count: int, fresh: list[Entry]) -> list[Entry]:
    """Write entries behind the `count` of a level; the entries of the next level that they complete."""
    number, used = divmod(count, BLOCK)
    tail = _unpack(level, blocks.find(level, number)) if used else []
    entries = tail + fresh
    for at in range(0, len(entries), BLOCK):
        blocks.put(level, number + at // BLOCK, _pack(level, entries[at : at + BLOCK]))
    begin = count - count % FANOUT - number * BLOCK  # the first child of the next entry above
    whole = (len(entries) - begin) // FANOUT * FANOUT
    return [_merge(entries[at : at + FANOUT]) for at in range(begin, begin + whole, FANOUT)]


def _choose_level(blocks: Blocks, count: int, first_step: int, last_step: int, wanted: int) -> int:
    """The coarsest level that still has as many entries in the range as are wanted."""
    level = 0
    whole = count // FANOUT
    while whole:
        level, whole = level + 1, whole // FANOUT
    while level and _count_entries(blocks, level, count, (first_step, last_step)) < wanted:
        level -= 1
    return level


def _count_entries(blocks: Blocks, level: int, count: int, within: tuple[int, int]) -> int:
    """How many entries of a level have steps in a range; up to two blocks too many."""
    return min(blocks.count_overlapping(level, *within) * BLOCK, int(count // FANOUT**level))


def _read_level(blocks: Blocks, level: int, first_step: int, last_step: int) -> Iterator[Entry]:
    for number, block in blocks.overlapping(level, first_step, last_step):
        for index, entry in enumerate(_unpack(level, block), number * BLOCK):
            yield from _cut(blocks, level, index, entry, (first_step, last_step))


def _read_rest(blocks: Blocks, level: int, count: int, first_step: int, last_step: int) -> Iterator[Entry]:
    """Entries of a level that no entry of the level above stands for yet."""
    entries = count // FANOUT**level
    begin = entries - entries % FANOUT
    if begin == entries:
        return
    number, offset = divmod(begin, BLOCK)
    for index, entry in enumerate(_unpack(level, blocks.find(level, number))[offset:], begin):
        yield from _cut(blocks, level, index, entry, (first_step, last_step))


def _cut(blocks: Blocks, level: int, index: int, entry: Entry, within: tuple[int, int]) -> Iterator[Entry]:
    """The entry, or, where it reaches over an end of the range, those below it that are inside."""
    first_step, last_step = within
    if entry.last_step < first_step or entry.first_step > last_step:
        return
    if first_step <= entry.first_step and entry.last_step <= last_step:
        yield entry
        return
    number, offset = divmod(index * FANOUT, BLOCK)
    children = _unpack(level - 1, blocks.find(level - 1, number))[offset : offset + FANOUT]
    for child_index, child in enumerate(children, index * FANOUT):
        yield from _cut(blocks, level - 1, child_index, child, within)


def _merge(entries: Sequence[Entry]) -> Entry:
    lowest = min(entries, key=_min_value)
    highest = max(entries, key=_max_value)
    return Entry(
        min(entry.first_step for entry in entries),
        max(entry.last_step for entry in entries),
        lowest.min_step,
        lowest.min_value,
        highest.max_step,
        highest.max_value,
        sum(entry.points for entry in entries),
    )


def _min_value(entry: Entry) -> float:
    return entry.min_value


def _max_value(entry: Entry) -> float:
    return entry.max_value


def _pack(level: int, entries: Sequence[Entry]) -> Block:
    if level == 0:
        payload = b"".join(_POINT.pack(entry.first_step, entry.min_value) for entry in entries)
    else:
        payload = b"".join(_SPAN.pack(*entry[:6]) for entry in entries)
    first = min(entry.first_step for entry in entries)
    return Block(first, max(entry.last_step for entry in entries), payload)


def _unpack(level: int, block: Block | None) -> list[Entry]:
    if block is None:
        return []
    if level == 0:
        points = _POINT.iter_unpack(block.payload)
        return [Entry(step, step, step, value, step, value, 1) for step, value in points]
    points = FANOUT**level
    return [Entry._make((*span, points)) for span in _SPAN.iter_unpack(block.payload)]


def _to_bucket(entry: Entry) -> Bucket:
    first, last, min_step, min_value, max_step, max_value, points = entry
    return Bucket(first, last, points, min_step, min_value, max_step, max_value)
