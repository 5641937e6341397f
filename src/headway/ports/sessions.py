"""The socket of browsers that have signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headway.domain.sessions import Session


class SessionTransaction(Protocol):
    """The part of a Transaction that keeps sessions of browsers."""

    def insert_session(self, session: Session) -> None:
        """A new session."""

    def find_session(self, session_id: str) -> Session | None: ...

    def touch_session(self, session_id: str, now: datetime) -> None:
        """It was used now. Quiet when it has ended."""

    def sessions(self, owner: str) -> list[Session]:
        """Those of an owner, last used first."""

    def drop_session(self, session_id: str) -> None:
        """Quiet when there is none."""

    def drop_sessions(self, *, seen_before: datetime) -> None:
        """Drop all that were last used before a moment."""
