"""Time that moves when it is waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

from headway.client.pacing import Pacing


@dataclass
class MovedTime:
    now_s: float = 1000.0
    waits_s: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds

    def pacing(self) -> Pacing:
        """The longest wait that chance could have chosen, and nothing waited for."""
        return Pacing(monotonic=lambda: self.now_s, sleep=self.wait, uniform=lambda _low, high: high)
