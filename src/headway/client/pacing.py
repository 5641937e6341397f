"""When to try again: exponential backoff with full jitter. Time and chance are handed in, so tests move them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 30


@dataclass(frozen=True)
class Pacing:
    """A clock, a way to wait, and how long to wait after so many tries in vain."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    first_s: float = 0.25
    cap_s: float = 8.0

    def delay_s(self, tries: int) -> float:
        """Between 0 and `first_s` doubled with each try, never above `cap_s`."""
        doublings = min(max(tries - 1, 0), _MOST_DOUBLINGS)
        return self.uniform(0.0, min(self.cap_s, self.first_s * 2.0**doublings))


@dataclass(frozen=True)
class Retry:
    """A try that failed and will be made again."""

    tries: int
    delay_s: float
    why: str
