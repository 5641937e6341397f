"""Browsers that have signed in, in memory: a part of the port Transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headway.domain.sessions import Session


class MemorySessions:
    """Works on a table that belongs to one transaction."""

    _sessions: dict[str, Session]

    def insert_session(self, session: Session) -> None:
        self._sessions[session.id] = session

    def find_session(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    def touch_session(self, session_id: str, now: datetime) -> None:
        if session_id in self._sessions:
            self._sessions[session_id] = replace(self._sessions[session_id], seen_at=now)

    def sessions(self, owner: str) -> list[Session]:
        found = [session for session in self._sessions.values() if session.owner == owner]
        return sorted(sorted(found, key=lambda each: each.id), key=lambda each: each.seen_at, reverse=True)

    def drop_session(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)

    def drop_sessions(self, *, seen_before: datetime) -> None:
        for session in list(self._sessions.values()):
            if session.seen_at < seen_before:
                del self._sessions[session.id]
