"""What all works of one commit count together: asked of the database once, and written to it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headway.store import statements
from headway.store.session import Session, Statement

Place = tuple[Any, ...]  # rank, time of creation and id of a run, in order as the queue is; empty for none


@dataclass
class Tally:
    """The position of the newest event and the length of the queue, as they are within a transaction."""

    session: Session
    _last: Place | None = None  # of the queue, where it is known
    _position: int | None = None
    _length: int | None = None
    _moved: bool = False
    _listed: bool = False

    @property
    def position(self) -> int:
        if self._position is None:
            self._position = self._count(statements.LAST_POSITION)
        return self._position

    @property
    def length(self) -> int:
        if self._length is None:
            self._length = self._count(statements.QUEUE_LENGTH)
        return self._length

    def is_last(self, run_id: str) -> bool:
        """Whether a run is known to be the last of the queue."""
        return bool(self._last and self._last[-1] == run_id)

    def next_position(self) -> int:
        self._position = self.position + 1
        self._moved = True
        return self._position

    def look_at_queue(self) -> None:
        """To be told before a row waits for the queue: while one does, the queue cannot be asked for what is in it."""
        if self._last is None:
            row = self.session.run_aside(statements.LAST_PLACE, {}).fetchone()
            self._last = tuple(row or ())
        self._length = self.length

    def add_place(self, place: Place) -> None:
        """To be told when a run was added to a queue that was looked at."""
        self._length = self.length + 1
        self._last = max(self._last or (), place)

    def change_length(self, by: int) -> None:
        """To be told after the queue has changed otherwise."""
        self._last = None
        if self._length is not None:
            self._length += by

    def note_lists(self) -> None:
        """To be told when a run may have come into a list, or out of one: totals kept from before are void then."""
        self._listed = True

    def forget(self) -> None:
        """What was counted is undone."""
        self._position = self._length = self._last = None
        self._moved = self._listed = False

    def flush(self) -> None:
        """Write what has moved; before the end of the transaction, or of a savepoint that is to hold."""
        if self._moved:
            self.session.run(statements.SET_LAST_POSITION, {"b_position": self._position})
            self._moved = False
        if self._listed:
            self.session.run(statements.MOVE_LIST_VERSION, {})
            self._listed = False

    def _count(self, statement: Statement) -> int:
        return int(self.session.run_aside(statement, {}).fetchone()[0])
