"""Sign in with the secret, stay known by a token, sign out: here, or everywhere."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from headway.control.context import Context
from headway.domain.sessions import IDLE_FOR, Session, session_id_of
from headway.ports import Transaction

COOKIE = "headway_session"
CSRF_HEADER = "x-csrf-token"

_MAX_AGENT = 200
_TOUCH_EVERY = timedelta(minutes=10)  # a use is a write: not at every request


def open_session(context: Context, *, owner: str, agent: str) -> str:
    """A new session; the token that opens it, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    now = context.clock.now()
    session = Session(session_id_of(token), owner, now, now, agent[:_MAX_AGENT])
    context.store.write(lambda tx: _insert(tx, session, forgetting_before=now - IDLE_FOR))
    return token


def find_session(context: Context, token: str, *, owner: str) -> Session | None:
    """The session of a token; None when it is over, was ended, or was opened with another secret."""
    now = context.clock.now()
    session = context.store.read(lambda tx: tx.find_session(session_id_of(token)))
    if session is None or session.owner != owner or session.is_over(now):
        return None
    if now - session.seen_at > _TOUCH_EVERY:
        context.store.write(lambda tx: tx.touch_session(session.id, now))
    return session


def token_in(cookies: str) -> str | None:
    """The token in a Cookie header; None where there is none."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def list_sessions(context: Context, *, owner: str) -> list[Session]:
    """Sessions that are not over, last used first."""
    now = context.clock.now()
    found = context.store.read(lambda tx: tx.sessions(owner))
    return [session for session in found if not session.is_over(now)]


def end_session(context: Context, session_id: str) -> None:
    """Quiet when it has ended."""
    context.store.write(lambda tx: tx.drop_session(session_id))


def end_all_sessions(context: Context, *, owner: str) -> None:
    """Whoever signed in with this secret has to do so again."""
    context.store.write(lambda tx: _drop_all(tx, owner))


def _insert(tx: Transaction, session: Session, *, forgetting_before: datetime) -> None:
    tx.drop_sessions(seen_before=forgetting_before)
    tx.insert_session(session)


def _drop_all(tx: Transaction, owner: str) -> None:
    for session in tx.sessions(owner):
        tx.drop_session(session.id)
