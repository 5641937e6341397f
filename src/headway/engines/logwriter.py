"""The log of an attempt: lines are handed over in microseconds and written by a thread.

A call never waits for the disk, unless so much is waiting already that memory would run out: then it waits, because a
number that was measured must not be lost. A disk that cannot be written to ends the training at its next batch.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any

from headway.domain.clock import format_utc, utc_now
from headway.domain.json import JsonObject
from headway.wire.lines import LineKind, encode_line, read_lines

_GATHER_S = 0.005  # what is said at once is written at once
_FIRST_PAUSE_S = 0.05  # from one write to the next, for who begins to speak
_LONGEST_PAUSE_S = 0.2  # for who speaks all the time: a write takes as long as a hundred calls
_SILENCE_S = 0.5  # then somebody begins anew
_PATIENCE_S = 0.05  # between two looks whether the writer has failed
_ROWS_A_LINE = 500
_CHARACTERS_A_LINE = 400_000  # the store takes no line beyond a mebibyte
_CHARACTERS_A_NUMBER = 32
_MAX_WAITING = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to be written."""

    kind: LineKind
    data: JsonObject


class Pace:
    """When to write next. Who speaks all the time is written down less often, but not while anything else happens
    than that: a state that is entered, say, and the first step soon after. Times in seconds."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._pause_s = _FIRST_PAUSE_S

    def wait_s(self, now: float) -> float:
        """How long to wait for more, when something is there to be written."""
        if now - self._next_at > _SILENCE_S:
            self._pause_s = _FIRST_PAUSE_S
        return max(self._next_at - now, _GATHER_S)

    def wrote(self, now: float, *, urgent: bool) -> None:
        if urgent:
            self._pause_s = _FIRST_PAUSE_S
        self._next_at = now + self._pause_s
        if not urgent:
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


class LogWriter:
    """Appends to `events.jsonl`. Only one exists an attempt."""

    def __init__(self, path: Path) -> None:
        self._seq = _repair(path)
        self._file = path.open("ab", buffering=0)
        self._waiting: deque[Entry | tuple[int, dict[str, float]] | threading.Event] = deque()
        self._wake = threading.Event()  # there is something to write
        self._urgent = threading.Event()  # and it must not wait for more to come
        self._room = threading.Event()
        self._closing = False
        self._failure: Exception | None = None
        self._noted: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def add(self, kind: LineKind, data: JsonObject, *, at_once: bool = True) -> None:
        """Hand over a line; `at_once` wakes the writer."""
        self._waiting.append(Entry(kind, data))
        self._wake_writer()
        if at_once:
            self._urgent.set()

    def add_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Hand over a row of numbers; rows travel together."""
        self._waiting.append((step, dict(values)))
        self._wake_writer()
        if len(self._waiting) > _MAX_WAITING:
            self._wait_for_room()

    def sync(self) -> None:
        """Wait until all that was handed over is on the disk. Raises what stopped the writing, an OSError as a rule."""
        written = threading.Event()
        self._waiting.append(written)
        self._urgent.set()
        self._wake.set()
        while not written.wait(_PATIENCE_S):
            self.require_healthy()

    def require_healthy(self) -> None:
        """Raise what stopped the writing, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Write what is waiting and make it durable. Raises OSError when that cannot be done."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        self._thread.join()
        self.require_healthy()
        os.fsync(self._file.fileno())
        self._file.close()

    def _wake_writer(self) -> None:
        if not self._wake.is_set():  # asking is much cheaper than setting
            self._wake.set()

    def _run(self) -> None:
        pace = Pace()
        while not self._closing or self._waiting:
            self._wake.wait()
            urgent = self._urgent.wait(pace.wait_s(time.monotonic()))
            self._wake.clear()
            self._urgent.clear()
            try:
                self._write_waiting()
                pace.wrote(time.monotonic(), urgent=urgent)
            except Exception as error:  # noqa: BLE001  (who waits for this thread must be told why it ended)
                self._failure = error
                self._room.set()
                return

    def _write_waiting(self) -> None:
        rows: list[tuple[int, dict[str, float]]] = []
        room = _CHARACTERS_A_LINE
        lines: list[bytes] = []
        awaited: list[threading.Event] = []
        for _ in range(len(self._waiting)):
            item = self._waiting.popleft()
            if isinstance(item, threading.Event):
                awaited.append(item)
                continue
            if isinstance(item, tuple):
                rows.append(item)
                room -= _length_of(item[1])
                if len(rows) < _ROWS_A_LINE and room > 0:
                    continue
            lines += self._encode_rows(rows)
            rows, room = [], _CHARACTERS_A_LINE
            if isinstance(item, Entry):
                lines.append(self._encode(item.kind, item.data))
        lines += self._encode_rows(rows)
        _write_all(self._file.fileno(), b"".join(lines))
        self._room.set()
        if awaited:
            os.fsync(self._file.fileno())
        for written in awaited:
            written.set()

    def _encode_rows(self, rows: list[tuple[int, dict[str, float]]]) -> list[bytes]:
        if not rows:
            return []
        finite: list[Any] = []
        lines: list[bytes] = []
        for step, values in rows:
            numbers = {name: _number(value) for name, value in values.items()}
            kept = {name: value for name, value in numbers.items() if isfinite(value)}
            if len(kept) < len(values):
                lines += self._note_missing(step, values.keys() - kept.keys())
            if kept:
                finite.append([int(step), kept])
        return [*lines, self._encode(LineKind.METRICS, {"rows": finite})] if finite else lines

    def _note_missing(self, step: int, names: set[str]) -> list[bytes]:
        fresh = names - self._noted
        self._noted |= fresh
        texts = [
            f"{name} is not a finite number at step {step}: such values are left out"
            for name in sorted(fresh)
        ]
        return [self._encode(LineKind.NOTE, {"level": "warning", "text": text}) for text in texts]

    def _encode(self, kind: LineKind, data: JsonObject) -> bytes:
        self._seq += 1
        at = format_utc(utc_now())
        try:
            return encode_line(self._seq, at, kind, data)
        except (TypeError, ValueError) as error:  # one word that is no JSON must not silence all that follow
            text = f"a line of kind {kind.value} was left out: {error}"
            return encode_line(self._seq, at, LineKind.NOTE, {"level": "warning", "text": ascii(text)[1:-1]})

    def _wait_for_room(self) -> None:
        while len(self._waiting) > _MAX_WAITING and self._failure is None:
            self._room.clear()
            self._urgent.set()
            self._wake.set()
            self._room.wait(_PATIENCE_S)


def _length_of(values: Mapping[str, float]) -> int:
    """About the characters that a row takes in a line."""
    return sum(map(len, values)) + _CHARACTERS_A_NUMBER * len(values)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return nan


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _repair(path: Path) -> int:
    """Cut a torn last line off a log that is already there; the seq of its last line, 0 for a new one."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    reading = read_lines(content)
    os.truncate(path, reading.consumed_bytes)
    return reading.lines[-1].seq if reading.lines else 0
