"""The file that a fetch writes: grown beside the real one, which it replaces in one moment at the end."""

from __future__ import annotations

import csv
import math
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from headway.domain.clock import parse_utc
from headway.domain.errors import DataError
from headway.markets.candles import COLUMNS, show_at
from headway.markets.exchange import Rows

_HEADER = ",".join(("timestamp", *COLUMNS))
_TAIL_BYTES = 4096  # longer than any line


class PartialFile:
    """`<path>.partial`, opened to go on: whole lines only, with what `path` holds when that is the newer of the two.

    DataError when the file that is there was not written by a fetch.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        if path.is_file() and not self._is_newer():
            shutil.copyfile(path, self._partial)
        if self._partial.is_file():
            self._drop_torn_line()
        if not self._partial.is_file() or not self._partial.stat().st_size:
            self._partial.write_text(f"{_HEADER}\n", encoding="utf-8")
        self._require_own()

    def first_open(self) -> str | None:
        """Opening time of the first bar as written; None without any."""
        with self._partial.open("rb") as file:
            file.readline()
            return _first_field(file.readline()) or None

    def last_open(self) -> str | None:
        """The same of the last bar."""
        if self.first_open() is None:
            return None
        with self._partial.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _TAIL_BYTES, 0))
            return _first_field(file.read().splitlines()[-1])

    def last_open_ms(self) -> int | None:
        """The same in ms since the epoch. DataError when it is no time."""
        text = self.last_open()
        try:
            return None if text is None else int(parse_utc(text).timestamp() * 1000)
        except ValueError as error:
            raise self._refuse(f"its last line begins with {text!r}") from error

    def append(self, pages: Iterable[Rows]) -> int:
        """Write bars; each page is with the system before the next is asked for, all are on the disk at the end.
        How many bars. DataError for a value that is missing or not finite."""
        added = 0
        with self._partial.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for page in pages:
                for row in page:
                    writer.writerow(_to_line(row))
                file.flush()
                added += len(page)
            os.fsync(file.fileno())
        return added

    def publish(self) -> None:
        """Take the place of the real file."""
        self._partial.replace(self._path)

    def remove(self) -> None:
        self._partial.unlink()

    def _is_newer(self) -> bool:
        partial = self._partial
        return partial.is_file() and partial.stat().st_mtime_ns >= self._path.stat().st_mtime_ns

    def _drop_torn_line(self) -> None:
        """Cut what follows the last line feed: a kill or a lost power left that line unfinished."""
        with self._partial.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(size - _TAIL_BYTES, 0))
            file.truncate(start + file.read().rfind(b"\n") + 1)

    def _require_own(self) -> None:
        with self._partial.open("rb") as file:
            header = file.readline(_TAIL_BYTES).decode(errors="replace").strip()
        if header != _HEADER:
            raise self._refuse(f"its first line is {header[:80]!r}")
        self.last_open_ms()

    def _refuse(self, why: str) -> DataError:
        self.remove()
        return DataError(
            f"{self._path} was not written by `headway data fetch` ({why}), so that it cannot go on. Move it away to "
            "fetch anew"
        )


def _first_field(line: bytes) -> str:
    return line.split(b",")[0].decode(errors="replace").strip()


def _to_line(row: Iterable[float | None]) -> list[str | float]:
    at_ms, *values = row
    opened = show_at((at_ms or 0) // 1000)
    for name, value in zip(COLUMNS, values, strict=True):
        if value is None or not math.isfinite(value):
            raise DataError(
                f"the exchange gave {name} = {value} for the bar of {opened}; bars before it are kept"
            )
    return [opened, *(float(value) for value in values if value is not None)]
