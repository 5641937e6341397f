"""What all works of one commit count together: asked of the database once, and written to it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headway.store import statements
from headway.store.session import Session

Place = tuple[Any, ...]  # rank, time of creation and id of a run, in order as the queue is; empty for none


@dataclass
class Tally:
    """The position of the newest event and the length of the queue, as they are within a transaction.

    Both are kept in `counters`: to count what waits would take longer the longer the queue is.
    """

    session: Session
    _kept: dict[str, int] | None = None  # as the database has it
    _events: int = 0  # how many more there are than that
    _queued: int = 0
    _last: Place | None = None  # of the queue, where it is known
    _listed: bool = False

    @property
    def position(self) -> int:
        return self._read(statements.POSITION) + self._events

    @property
    def length(self) -> int:
        return self._read(statements.LENGTH) + self._queued

    def is_last(self, run_id: str) -> bool:
        """Whether a run is known to be the last of the queue."""
        return bool(self._last and self._last[-1] == run_id)

    def next_position(self) -> int:
        self._events += 1
        return self.position

    def look_at_queue(self) -> None:
        """To be told before a row waits for the queue: while one does, the queue cannot be asked for what is in it."""
        if self._last is None:
            row = self.session.run_aside(statements.LAST_PLACE, {}).fetchone()
            self._last = tuple(row or ())

    def add_place(self, place: Place) -> None:
        """To be told when a run was added to a queue that was looked at."""
        self._queued += 1
        self._last = max(self._last or (), place)

    def change_length(self, by: int) -> None:
        """To be told after the queue has changed otherwise."""
        self._queued += by
        self._last = None

    def note_lists(self) -> None:
        """To be told when a run may have come into a list, or out of one: totals kept from before are void then."""
        self._listed = True

    def forget(self) -> None:
        """What was counted is undone."""
        self._last = None
        self._events = self._queued = 0
        self._listed = False

    def flush(self) -> None:
        """Write what has moved; before the end of the transaction, or of a savepoint that is to hold."""
        if self._events or self._queued or self._listed:
            moved = {"b_events": self._events, "b_queued": self._queued, "b_lists": int(self._listed)}
            self.session.run(statements.MOVE_COUNTERS, moved)
            self._kept = None
            self._events = self._queued = 0
            self._listed = False

    def _read(self, name: str) -> int:
        if self._kept is None:
            self._kept = dict(self.session.run_aside(statements.COUNTERS, {}).fetchall())
        return self._kept[name]
