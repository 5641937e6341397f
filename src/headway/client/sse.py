"""Server-Sent Events, from bytes to frames (WHATWG HTML, section 9.2.6 "Interpreting an event stream").

Lines are split here and not by `str.splitlines`, which would also split at characters such as U+2028 that JSON
may carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COMMENT = ":"

# A carriage return at the very end may be the first half of a CR LF: it waits for the next chunk.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Frame:
    """One whole event, or a comment (kind `:`). `id` is None unless the event carries one itself."""

    kind: str
    text: str
    id: str | None = None


def read_frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """The frames of a stream; a frame that is cut off by the end of the stream is dropped."""
    fields: dict[str, str] = {}
    lines: list[str] = []
    for line in _read_lines(chunks):
        if line.startswith(COMMENT):
            yield Frame(COMMENT, line[1:].strip())
        elif line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                lines.append(value)
            else:
                fields[name] = value
        elif lines:
            yield Frame(fields.get("event", "message"), "\n".join(lines), fields.get("id"))
            fields, lines = {}, []
        else:
            fields = {}


def _read_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    first = True
    for chunk in chunks:
        *whole, rest = _LINE_END.split(rest + chunk)
        for line in whole:
            yield (line.removeprefix(_BOM) if first else line).decode("utf-8", "replace")
            first = False
