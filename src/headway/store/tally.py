"""What all works of one commit count together: asked of the database once, and written to it once."""

from __future__ import annotations

from dataclasses import dataclass

from headway.store import statements
from headway.store.session import Session


@dataclass
class Tally:
    """The position of the newest event and the length of the queue, as they are within a transaction."""

    session: Session
    _position: int | None = None
    _length: int | None = None
    _moved: bool = False
    _listed: bool = False

    @property
    def position(self) -> int:
        if self._position is None:
            self._position = int(self.session.scalar(statements.LAST_POSITION, {}))
        return self._position

    @property
    def length(self) -> int:
        if self._length is None:
            self._length = int(self.session.scalar(statements.QUEUE_LENGTH, {}))
        return self._length

    def next_position(self) -> int:
        self._position = self.position + 1
        self._moved = True
        return self._position

    def change_length(self, by: int) -> None:
        """To be told after the queue has changed."""
        if self._length is not None:
            self._length += by

    def note_lists(self) -> None:
        """To be told when a run may have come into a list, or out of one: totals kept from before are void then."""
        self._listed = True

    def forget(self) -> None:
        """What was counted is undone."""
        self._position = self._length = None
        self._moved = self._listed = False

    def flush(self) -> None:
        """Write what has moved; before the end of the transaction, or of a savepoint that is to hold."""
        if self._moved:
            self.session.run(statements.SET_LAST_POSITION, {"b_position": self._position})
            self._moved = False
        if self._listed:
            self.session.run(statements.MOVE_LIST_VERSION, {})
            self._listed = False
