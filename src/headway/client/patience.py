"""What all who follow something share: how long they wait for its end, and whether the server is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headway.client.errors import WatchTimeout
from headway.client.pacing import Pacing


@dataclass(frozen=True)
class ContactChange:
    """The server was lost (`why` says how) or is there again."""

    lost: bool
    why: str = ""


class Contact:
    """Tells of each change once."""

    def __init__(self, on_change: Callable[[ContactChange], None] | None) -> None:
        self._on_change = on_change or (lambda _change: None)
        self._lost = False

    def found(self) -> None:
        self._change(ContactChange(lost=False))

    def lost(self, why: str) -> None:
        self._change(ContactChange(lost=True, why=why))

    def _change(self, change: ContactChange) -> None:
        if change.lost != self._lost:
            self._lost = change.lost
            self._on_change(change)


class Patience:
    """Time to wait for the end of a run, counted from now on; `deadline_s` None: for ever."""

    def __init__(self, run_id: str, pacing: Pacing, deadline_s: float | None) -> None:
        self._run_id = run_id
        self._pacing = pacing
        self._deadline_s = deadline_s
        self._begun_s = pacing.monotonic()

    @property
    def left_s(self) -> float:
        """Seconds until it is over; infinite where it never is."""
        if self._deadline_s is None:
            return float("inf")
        return self._begun_s + self._deadline_s - self._pacing.monotonic()

    def require(self) -> None:
        """WatchTimeout once it is over."""
        if self._deadline_s is not None and self.left_s <= 0.0:
            raise WatchTimeout(self._run_id, self._deadline_s)

    def pause(self, delay_s: float) -> None:
        """Wait, but not beyond the deadline. Raises as `require`."""
        self.require()
        self._pacing.sleep(min(delay_s, self.left_s))
        self.require()
