"""The console of an attempt, line by line: its end, a stretch, or the lines that hold a text, however long it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from headway.control.context import Context
from headway.control.query import get_view, require_kept
from headway.domain.retention import Kept

MAX_LINE_BYTES = 16 << 10  # longer ones come in pieces

_MAX_PAGE_BYTES = 1 << 20
_MAX_SEARCHED_BYTES = 64 << 20  # a request; the next one goes on


@dataclass(frozen=True)
class ConsoleLine:
    offset: int
    text: str


@dataclass(frozen=True)
class ConsolePage:
    """`next_offset` is where to go on; `done` when that is the end of what is there by now."""

    attempt: int
    lines: list[ConsoleLine]
    next_offset: int
    size_bytes: int

    @property
    def done(self) -> bool:
        return self.next_offset >= self.size_bytes


@dataclass(frozen=True)
class Wanted:
    """What part of a console is asked for."""

    attempt: int | None = None  # None: the newest
    offset: int | None = None  # None: the last `lines` lines; with `search` from the beginning
    lines: int = 200
    search: str = ""


def read_page(context: Context, run_id: str, wanted: Wanted) -> ConsolePage:
    """A page of the console; one that is not there yet is empty. NotFound for no such run, or one that was removed."""
    run = get_view(context, run_id).run
    attempt = run.attempt if wanted.attempt is None else wanted.attempt
    path = context.run_dir(run_id).attempt(attempt).console
    try:
        with path.open("rb") as file:
            return _read(file, path, attempt, wanted)
    except FileNotFoundError:
        require_kept(run, Kept.LOGS)
        return ConsolePage(attempt, [], 0, 0)


def _read(file: BinaryIO, path: Path, attempt: int, wanted: Wanted) -> ConsolePage:
    size = path.stat().st_size
    if wanted.offset is None and not wanted.search:
        lines = _read_tail(file, size, wanted.lines)
        return ConsolePage(attempt, lines, size, size)
    begin = min(wanted.offset or 0, size)
    limit_bytes = _MAX_SEARCHED_BYTES if wanted.search else _MAX_PAGE_BYTES
    found: list[ConsoleLine] = []
    at, kept_bytes, sought = begin, 0, wanted.search.casefold()
    file.seek(begin)
    for line in _lines(file, size):
        if at - begin >= limit_bytes or len(found) >= wanted.lines or kept_bytes >= _MAX_PAGE_BYTES:
            break
        text = _decode(line)
        if sought in text.casefold():
            found.append(ConsoleLine(at, text))
            kept_bytes += len(line)
        at += len(line)
    return ConsolePage(attempt, found, at, size)


def _read_tail(file: BinaryIO, size: int, count: int) -> list[ConsoleLine]:
    begin = max(size - _MAX_PAGE_BYTES, 0)
    file.seek(begin)
    if begin:
        begin += len(file.readline(_MAX_PAGE_BYTES))
    found: list[ConsoleLine] = []
    for line in _lines(file, size):
        found.append(ConsoleLine(begin, _decode(line)))
        begin += len(line)
    return found[-count:] if count else []


def _lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    while file.tell() < size and (line := file.readline(MAX_LINE_BYTES)):
        yield line


def _decode(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")
