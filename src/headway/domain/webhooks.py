"""Webhooks: who is told of events over HTTP, and each message that is to reach them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from headway.domain.clock import format_utc
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject, encode_json
from headway.domain.runs import Run

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_STAMP = "[0-9]{13}_[0-9a-f]{8}"
PING = "ping"


@dataclass(frozen=True)
class Webhook:
    """Where events go, which of them, and the secrets that sign them. All times are aware UTC."""

    id: str  # wh_<milliseconds>_<8 hex>
    url: str
    secret: str  # whsec_…
    created_at: datetime
    after_position: int  # events up to this one are not for it
    kinds: tuple[EventKind, ...] = ()  # empty: all
    engine: str | None = None
    run_id: str | None = None
    description: str = ""
    active: bool = True
    inactive_why: str = ""
    old_secret: str | None = None  # signs too, until the moment below
    old_secret_until: datetime | None = None

    def evolve(self, **changes: Any) -> Webhook:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def wants(self, event: Event, engine: str) -> bool:
        """Whether an event of a run of that engine is for it."""
        return (
            event.position > self.after_position
            and (not self.kinds or event.kind in self.kinds)
            and self.engine in (None, engine)
            and self.run_id in (None, event.run_id)
        )

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, newest first."""
        old_holds = self.old_secret_until is not None and now < self.old_secret_until
        return (self.secret, self.old_secret) if old_holds and self.old_secret else (self.secret,)


class DeliveryState(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"  # to be sent, or to be sent again
    DELIVERED = "delivered"  # answered with 2xx
    DEAD = "dead"  # given up; a person may replay it


@dataclass(frozen=True)
class Delivery:
    """One message for one webhook. Its id and its body stay the same however often it is sent."""

    id: str
    webhook_id: str
    run_id: str
    position: int  # of the event
    kind: EventKind
    body: str
    created_at: datetime
    next_at: datetime  # not sent before
    give_up_at: datetime  # a try that fails after this is the last
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    status: int | None = None  # of the newest answer
    error: str | None = None  # why the newest try failed
    ended_at: datetime | None = None  # when it was delivered or given up

    def evolve(self, **changes: Any) -> Delivery:
        """A copy with some fields changed."""
        return replace(self, **changes)


def new_webhook_id(now: datetime) -> str:
    """`wh_<milliseconds>_<8 hex>`."""
    return f"wh_{int(now.timestamp() * 1000):013d}_{secrets.token_hex(4)}"


def is_webhook_id(text: str) -> bool:
    """Whether a text has the form of an id of a webhook."""
    return re.fullmatch(rf"wh_{_STAMP}", text) is not None


def is_delivery_id(text: str) -> bool:
    """Whether a text has the form of an id of a delivery."""
    return re.fullmatch(rf"msg_{_STAMP}_[0-9]{{1,19}}", text) is not None


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def message_id(webhook_id: str, position: int) -> str:
    """The id of the message about an event: the same whenever and by whichever server it is sent."""
    return f"msg_{webhook_id.removeprefix('wh_')}_{position}"


def describe_event(event: Event, run: Run) -> str:
    """The body that tells of an event: type, timestamp and data, as the Standard Webhooks specification asks."""
    data: JsonObject = {
        "runId": event.run_id,
        "engine": run.spec.engine,
        "label": run.spec.label,
        "seq": event.seq,
        "attempt": event.attempt,
        "details": event.data,
    }
    return encode_body(event.kind.value, event.at, data)


def encode_body(kind: str, at: datetime, data: JsonObject) -> str:
    """A message as text."""
    return encode_json({"type": kind, "timestamp": format_utc(at), "data": data}).decode()


def sign(secret: str, identity: str, at: datetime, body: str) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks, symmetric signatures)."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    content = f"{identity}.{int(at.timestamp())}.{body}".encode()
    return f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}"


def make_headers(webhook: Webhook, identity: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of one try, signed with every secret that holds."""
    signatures = [sign(secret, identity, now, body) for secret in webhook.secrets_at(now)]
    return {
        "content-type": "application/json",
        "user-agent": "headway-webhooks",
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
