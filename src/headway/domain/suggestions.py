"""A near name for one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: str, known: Iterable[str]) -> str:
    """What to add to an error about an unknown name: `did you mean …?`, else all that are known."""
    names = list(known)
    near = get_close_matches(name[:100], names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
