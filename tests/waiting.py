"""Waiting for what real processes do: by looking again, with a generous deadline. Never for what a clock does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 90.0


def eventually(probe: Callable[[], T | None], *, within_s: float = PATIENCE_S, what: str = "") -> T:
    """The first true value of `probe`; fails after the deadline."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = probe()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s:g} s: {what or probe}")


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
