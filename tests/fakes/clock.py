"""Time that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.factories import T0


@dataclass
class SettableClock:
    """The port Clock: it stands still until it is moved."""

    moment: datetime = T0
    elapsed_s: float = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.elapsed_s

    def advance(self, seconds: float) -> datetime:
        """Let time pass."""
        self.elapsed_s += seconds
        return self.jump(seconds)

    def jump(self, seconds: float) -> datetime:
        """Set the clock; no time passes."""
        self.moment += timedelta(seconds=seconds)
        return self.moment


@dataclass
class SettableTime:
    """Stands in for the module `time` where code measures a pace: seconds that only a test adds."""

    elapsed_s: float = 1000.0

    def monotonic(self) -> float:
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        self.elapsed_s += seconds
