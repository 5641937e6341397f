"""Time that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.factories import T0


@dataclass
class SettableClock:
    """The port Clock: it stands still until it is moved."""

    moment: datetime = T0

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> datetime:
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
