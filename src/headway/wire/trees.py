"""A tree of settings that a caller sends: only what JSON and YAML can hold, and little of it."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator

_MAX_DEPTH = 6
_MAX_PARTS = 200
_MAX_TEXT = 2000


def _require_plain(tree: dict[str, Any]) -> dict[str, Any]:
    """What JSON and YAML can hold: a few levels, no NaN, nothing that a text could stand for."""
    _visit(tree, _MAX_DEPTH)
    return tree


def _visit(value: Any, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("NaN and infinity are no numbers to set")
    if isinstance(value, str) and (len(value) > _MAX_TEXT or "${" in value or not _is_storable(value)):
        raise ValueError("no text longer than 2000 characters, with ${ or with NUL")
    if isinstance(value, dict | list) and len(value) > _MAX_PARTS:
        raise ValueError("too many parts")
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for part in parts:
        _visit(part, depth - 1)


def _is_storable(text: str) -> bool:
    return not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text)


Tree = Annotated[dict[str, Any], AfterValidator(_require_plain)]
