"""The lines of `events.jsonl`: what a training process says. Standard library only.

Each line is one JSON object: `{"seq": 1, "at": "<UTC>", "kind": "phase", "data": {…}}`, with `seq` counting 1, 2, 3 …
within the attempt. A torn last line is not yet a line.

| kind | data |
|---|---|
| phase | state (preflight, training, evaluating), text |
| progress | fraction, phase, step, steps_total, epoch, epochs_total, rate_per_s, eta_s |
| metrics | rows: [[step, {name: value}], …] |
| checkpoint | path, step, size_bytes, sha256 |
| artifact | path, kind, size_bytes, sha256 |
| note | level, text |
| ended | reason, error |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headway.domain.errors import CorruptRunFile
from headway.domain.json import JsonObject, encode_json

_MAX_SEQ = 2**53  # beyond it, not every JSON reader counts right


class LineKind(StrEnum):
    """What a training process may say."""

    PHASE = "phase"
    PROGRESS = "progress"
    METRICS = "metrics"
    CHECKPOINT = "checkpoint"
    ARTIFACT = "artifact"
    NOTE = "note"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said by the training process of an attempt."""

    seq: int
    at: str
    kind: LineKind
    data: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """Whole lines of a chunk, how many of its bytes they took, and what could not be understood."""

    lines: list[Line]
    consumed_bytes: int
    rejected: list[str]


def encode_line(seq: int, at: str, kind: LineKind, data: JsonObject) -> bytes:
    """The line with its newline; ValueError for NaN or infinity."""
    return encode_json({"seq": seq, "at": at, "kind": kind.value, "data": data}) + b"\n"


def decode_line(raw: bytes) -> Line:
    """The line; CorruptRunFile when it is not one."""
    try:
        value = json.loads(raw, parse_constant=_refuse)
        line = Line(int(value["seq"]), str(value["at"]), LineKind(value["kind"]), dict(value["data"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CorruptRunFile(f"not a log line ({error}): {raw[:120]!r}") from error
    if not 0 < line.seq <= _MAX_SEQ:
        raise CorruptRunFile(f"not a log line (seq {line.seq} is none): {raw[:120]!r}")
    return line


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def read_lines(chunk: bytes) -> Reading:
    """The whole lines at the start of a chunk. Bytes after the last newline are left for the next reading.

    A whole line that cannot be understood is passed over and named in `rejected`: a broken line must not stop the
    lines after it from being read.
    """
    end = chunk.rfind(b"\n") + 1
    lines: list[Line] = []
    rejected: list[str] = []
    for raw in chunk[:end].splitlines():
        try:
            lines.append(decode_line(raw))
        except CorruptRunFile as error:
            rejected.append(str(error))
    return Reading(lines, end, rejected)
