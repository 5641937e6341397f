"""JSON values, and the one rule about them: no NaN, no infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
JsonObject: TypeAlias = Mapping[str, Json]

_COMPACT = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(allow_nan=False, sort_keys=True, separators=(",", ":"))


def finite(value: float | None) -> float | None:
    """The number, or None where it is missing, NaN or infinite: those never reach JSON."""
    return None if value is None or not math.isfinite(value) else float(value)


def encode_json(value: Json) -> bytes:
    """Compact UTF-8 JSON; raises ValueError for NaN or infinity."""
    return _COMPACT.encode(value).encode()


def canonical_json(value: Json) -> bytes:
    """One spelling for equal values (sorted keys): what hashes are taken of."""
    return _CANONICAL.encode(value).encode()
