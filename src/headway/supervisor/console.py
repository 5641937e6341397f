"""Keep the console log of an attempt from filling the disk: its beginning and its end stay, the middle is cut out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 64 << 20
_HEAD_BYTES = 8 << 20
_TAIL_BYTES = 8 << 20


class Console:
    """The console log, as the supervisor looks after it. The training writes it, without asking."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head_bytes = 0  # of a log that was cut
        self._cut_bytes = 0

    def bound(self) -> bool:
        """Cut the log if it has become too long; whether it had.

        It is opened for appending by all who write to it, so they go on at its new end. It is read until there is no
        more before it is cut: only what is written between these two calls is lost with the middle.
        """
        with suppress(OSError):  # what cannot be cut now is looked at again with the next beat
            if self._path.stat().st_size > _MOST_BYTES:
                self._cut()
                return True
        return False

    def _cut(self) -> None:
        with self._path.open("rb+", buffering=0) as file:
            head_bytes = self._head_bytes or _end_of_line(file.read(_HEAD_BYTES))
            tail_at = file.seek(-_TAIL_BYTES, os.SEEK_END)
            read = file.readall()
            file.truncate(head_bytes)
        tail = read[-_TAIL_BYTES:]
        tail = tail[tail.find(b"\n") + 1 :]
        self._head_bytes = head_bytes
        self._cut_bytes += max(tail_at + len(read) - head_bytes - len(tail), 0)
        note = (
            f"\n[headway: about {self._cut_bytes >> 20} MiB were cut out here, see docs/run-directory.md]\n"
        )
        with self._path.open("ab", buffering=0) as file:
            file.write(note.encode() + tail)


def _end_of_line(content: bytes) -> int:
    """Where the last whole line ends; all of it where there is none."""
    return content.rfind(b"\n") + 1 or len(content)
