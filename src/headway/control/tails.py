"""Read on in the two files that an attempt writes: the rows of its log, and its console."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

from headway.domain.errors import CorruptRunFile
from headway.domain.progress import Progress
from headway.wire.lines import Line, LineKind, decode_line

CHUNK_BYTES = 1 << 20  # no line that the store takes is longer
PIECE_BYTES = 16 << 10
_READ_BYTES = 256 << 10
_CUT = "[headway: the console was cut, lines may be missing here]\n"
_LINE_END = re.compile(rb"\r\n|\n|\r")

Earlier: TypeAlias = Callable[[int], Mapping[str, float]]  # the newest number of each name up to a step


@dataclass(frozen=True)
class Row:
    """Numbers of one step. `known` is the newest number of each name in this attempt, up to this row."""

    at: str
    attempt: int
    step: int
    values: dict[str, float]
    known: dict[str, float]
    progress: Progress | None


@dataclass(frozen=True)
class Pace:
    """Progress within an attempt."""

    at: str
    attempt: int
    progress: Progress


@dataclass(frozen=True)
class ConsoleText:
    """A stretch of the console: whole lines, but where a line is very long or the attempt ended within one."""

    attempt: int
    offset: int  # byte where it begins
    text: str


class LogTail:
    """Rows and progress in the log of an attempt, from a place on. What was known before the place is read once: from
    the last chunk before it, and where the log is longer from what is asked `earlier`.
    """

    def __init__(
        self, path: Path, attempt: int, offset: int = 0, row: int = 0, *, earlier: Earlier = lambda _: {}
    ) -> None:
        self.offset = offset
        self.row = row
        self._path = path
        self._attempt = attempt
        self._known: dict[str, float] = {}
        self._progress: Progress | None = None
        begin = max(offset - CHUNK_BYTES, 0)
        before = _read(path, begin, offset - begin).splitlines()
        steps = [what.step for raw in before for what in self._say(raw, 0) if isinstance(what, Row)]
        if begin and steps:
            self._known = {**earlier(steps[0]), **self._known}

    def read(self, end: int) -> list[tuple[Row | Pace, int, int]]:
        """What is said before `end`, at most a chunk, each with the offset and row to go on from."""
        chunk = _read(self._path, self.offset, min(end - self.offset, CHUNK_BYTES))
        whole = chunk[: chunk.rfind(b"\n") + 1] or chunk  # a chunk without an end of line is no line
        told: list[tuple[Row | Pace, int, int]] = []
        for raw in whole.splitlines(keepends=True):
            said = list(self._say(raw, self.row))
            rows = range(self.row + 1, self.row + len(said))
            told += [(what, self.offset, row) for what, row in zip(said, rows, strict=False)]
            self.offset, self.row = self.offset + len(raw), 0
            if said:
                told.append((said[-1], self.offset, 0))
        return told

    def _say(self, raw: bytes, after_row: int) -> Iterator[Row | Pace]:
        """What a line says after some of its rows; nothing where the store takes nothing from it either."""
        try:
            line = decode_line(raw)
            if line.kind is LineKind.PROGRESS:
                self._progress = Progress.from_json(line.data).after(self._progress or Progress())
                yield Pace(line.at, self._attempt, self._progress)
            elif line.kind is LineKind.METRICS:
                yield from self._rows_of(line, after_row)
        except (CorruptRunFile, ValueError, TypeError, KeyError, OverflowError):
            return

    def _rows_of(self, line: Line, after_row: int) -> Iterator[Row]:
        rows = [(int(step), _finite(values)) for step, values in line.data["rows"]]
        for number, (step, values) in enumerate(rows, 1):
            self._known = self._known | values
            if number > after_row:
                yield Row(line.at, self._attempt, step, values, self._known, self._progress)


class ConsoleTail:
    """The console of an attempt, from a place on."""

    def __init__(self, path: Path, attempt: int, offset: int = 0) -> None:
        self.offset = offset
        self._path = path
        self._attempt = attempt

    def read(self, end: int | None, *, over: bool) -> list[tuple[ConsoleText, int]]:
        """Whole lines up to `end`, each piece with the offset to go on from. With `over` the rest is told too."""
        size = _size(self._path) if end is None else end
        if size < self.offset and end is None:
            return self._go_to_end()
        if size <= self.offset:
            return []
        chunk = _read(self._path, self.offset, min(size - self.offset, _READ_BYTES))
        told = []
        for piece in _cut(chunk, over=over and self.offset + len(chunk) >= size):
            text = ConsoleText(self._attempt, self.offset, piece.decode("utf-8", "replace"))
            self.offset += len(piece)
            told.append((text, self.offset))
        return told

    def _go_to_end(self) -> list[tuple[ConsoleText, int]]:
        """The console was cut while it was read: what it says from now on is behind the place that was reached."""
        self.offset = find_tail(self._path, 0)
        return [(ConsoleText(self._attempt, self.offset, _CUT), self.offset)]

    def is_at(self, end: int | None) -> bool:
        """Whether all up to `end`, or all there is, has been read."""
        return self.offset >= (_size(self._path) if end is None else end)


def find_tail(path: Path, lines: int) -> int:
    """Where the last whole lines of a console begin; only its newest stretch is looked at."""
    size = _size(path)
    begin = max(size - _READ_BYTES, 0)
    ends = [begin + found.end() for found in _LINE_END.finditer(_read(path, begin, size - begin))]
    if not ends:
        return begin
    return ends[-1 - lines] if lines < len(ends) else begin


def _cut(chunk: bytes, *, over: bool) -> Iterator[bytes]:
    """Pieces of whole lines; a line that does not end is cut where it is too long, or where all of it is there."""
    while chunk:
        head = chunk[:PIECE_BYTES]
        end = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        if not end and (len(chunk) >= PIECE_BYTES or over):
            end = len(head) if over and len(head) == len(chunk) else _before_broken_character(head)
        if not end:
            return
        yield chunk[:end]
        chunk = chunk[end:]


def _before_broken_character(head: bytes) -> int:
    """The length of the head without a character that is cut off at its end."""
    for back in range(1, 4):
        byte = head[-back]
        if byte < 0x80 or byte >= 0xC0:
            length = 1 if byte < 0x80 else 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return len(head) if length <= back else len(head) - back
    return len(head)


def _finite(values: dict[str, Any]) -> dict[str, float]:
    found = {name: float(value) for name, value in values.items()}
    if not all(map(isfinite, found.values())):
        raise ValueError("a number that no series can hold")
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, count: int) -> bytes:
    if count <= 0:
        return b""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(count) or b""
    except FileNotFoundError:
        return b""
