"""A browser that has signed in."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

IDLE_FOR = timedelta(days=14)  # after that a session that nobody used has ended


@dataclass(frozen=True)
class Session:
    """`id` is the SHA-256 of the token that the browser holds: who reads the store cannot sign in with it."""

    id: str
    owner: str  # fingerprint of the secret it was opened with: another secret ends it
    created_at: datetime
    seen_at: datetime
    agent: str = ""  # what the browser calls itself, to recognise it in a list

    def is_over(self, now: datetime) -> bool:
        return now - self.seen_at > IDLE_FOR


def session_id_of(token: str) -> str:
    """The id of the session that a token opens."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token_of(token: str) -> str:
    """What a page must send along to change anything: another site can make the browser send the cookie, not this."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, token: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode(), csrf_token_of(token).encode())
