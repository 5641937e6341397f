"""Browsers that have signed in, on a SQL database: a part of the port Transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Row, delete, insert, select, update

from headway.domain.clock import format_utc, parse_utc
from headway.domain.sessions import Session
from headway.store.session import Session as DbSession
from headway.store.tables import sessions


class SqlSessions:
    """Works on a connection that is within a transaction."""

    _db: DbSession

    def insert_session(self, session: Session) -> None:
        row = {
            "id": session.id,
            "owner": session.owner,
            "created_at": format_utc(session.created_at),
            "seen_at": format_utc(session.seen_at),
            "agent": session.agent,
        }
        self._db.execute(insert(sessions), row)

    def find_session(self, session_id: str) -> Session | None:
        row = self._db.execute(select(sessions).where(sessions.c.id == session_id)).first()
        return None if row is None else _to_session(row)

    def touch_session(self, session_id: str, now: datetime) -> None:
        self._db.execute(update(sessions).where(sessions.c.id == session_id).values(seen_at=format_utc(now)))

    def sessions(self, owner: str) -> list[Session]:
        found = (
            select(sessions)
            .where(sessions.c.owner == owner)
            .order_by(sessions.c.seen_at.desc(), sessions.c.id)
        )
        return [_to_session(row) for row in self._db.execute(found)]

    def drop_session(self, session_id: str) -> None:
        self._db.execute(delete(sessions).where(sessions.c.id == session_id))

    def drop_sessions(self, *, seen_before: datetime) -> None:
        self._db.execute(delete(sessions).where(sessions.c.seen_at < format_utc(seen_before)))


def _to_session(row: Row[tuple[str, str, str, str, str]]) -> Session:
    return Session(row.id, row.owner, parse_utc(row.created_at), parse_utc(row.seen_at), row.agent)
