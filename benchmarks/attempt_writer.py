"""Writes the files of an attempt as a training does, at an even pace, and remembers when it wrote what."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from headway.domain.clock import format_utc, utc_now
from headway.domain.json import Json
from headway.wire.lines import LineKind, encode_line
from headway.wire.rundir import AttemptDir

_VALUES = {"train/loss": 0.1, "train/learning_rate": 2e-4, "system/memory_mb": 512.0}


@dataclass(frozen=True)
class Pace:
    """How much a training says."""

    rows_per_s: float
    lines_per_s: float


class AttemptWriter:
    """Rows of four numbers, and lines of the console. `row_at` and `line_at`: seconds since 1970 by number, from 1."""

    def __init__(self, attempt: AttemptDir) -> None:
        self._log = attempt.events.open("ab", buffering=0)
        self._console = attempt.console.open("ab", buffering=0)
        self._random = random.Random(1)
        self.row_at: list[float] = []
        self.line_at: list[float] = []

    @property
    def rows(self) -> int:
        return len(self.row_at)

    def write(self, pace: Pace, seconds: float) -> None:
        begun = time.monotonic()
        rows = lines = 0
        while (elapsed := time.monotonic() - begun) < seconds:
            for _ in range(int(elapsed * pace.rows_per_s) - rows):
                self.say_row()
                rows += 1
            for _ in range(int(elapsed * pace.lines_per_s) - lines):
                self.say_line()
                lines += 1
            time.sleep(self._random.uniform(0.002, 0.012))  # the pace of the rows

    def say_row(self) -> None:
        now = time.time()
        self.row_at.append(now)
        row: list[Json] = [self.rows, {**_VALUES, "time/written": now}]
        self._log.write(encode_line(self.rows, format_utc(utc_now()), LineKind.METRICS, {"rows": [row]}))

    def say_line(self) -> None:
        self.line_at.append(time.time())
        self._console.write(self.line_of(len(self.line_at)).encode() + b"\n")

    def say_last(self) -> None:
        """A note by which watchers know that all has come."""
        data = {"level": "info", "text": "the last"}
        self._log.write(encode_line(self.rows + 1, format_utc(utc_now()), LineKind.NOTE, data))

    @staticmethod
    def line_of(number: int) -> str:
        return f"epoch 1 step {number}: loss 0.123456, val_loss 0.234567"
