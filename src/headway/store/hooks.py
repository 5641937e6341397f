"""Webhooks and their deliveries on a SQL database: a part of the port Transaction, statement by statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from headway.domain.clock import format_utc
from headway.domain.errors import NotFound
from headway.domain.events import EventKind
from headway.domain.json import encode_json
from headway.domain.webhooks import Delivery, DeliveryState, Webhook
from headway.ports.webhooks import DeliveryFilter
from headway.store.codec import from_text, to_text
from headway.store.session import Session
from headway.store.tables import deliveries, webhooks

_WAITING = deliveries.c.state == DeliveryState.WAITING.value
_TIMES = ("created_at", "old_secret_until")


class SqlHooks:
    """Works on a connection that is within a transaction."""

    _db: Session

    # webhooks
    def insert_webhook(self, webhook: Webhook) -> None:
        row = {
            "id": webhook.id,
            "created_at": format_utc(webhook.created_at),
            "record": _encode(webhook),
            "holder": None,
            "held_until": None,
        }
        _insert(self._db, webhooks, [row], f"the webhook {webhook.id} exists already")

    def update_webhook(self, webhook: Webhook) -> None:
        changed = update(webhooks).where(webhooks.c.id == webhook.id).values(record=_encode(webhook))
        if self._db.execute(changed).rowcount == 0:
            raise _unknown(webhook.id)

    def delete_webhook(self, webhook_id: str) -> None:
        self._db.execute(delete(deliveries).where(deliveries.c.webhook_id == webhook_id))
        if self._db.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount == 0:
            raise _unknown(webhook_id)

    def get_webhook(self, webhook_id: str) -> Webhook:
        record = self._db.execute(select(webhooks.c.record).where(webhooks.c.id == webhook_id)).scalar()
        if record is None:
            raise _unknown(webhook_id)
        return _decode(record)

    def list_webhooks(self) -> list[Webhook]:
        found = select(webhooks.c.record).order_by(webhooks.c.created_at, webhooks.c.id)
        return [_decode(record) for record in self._db.execute(found).scalars()]

    def hold_webhook(self, webhook_id: str, token: str, now: datetime, until: datetime) -> bool:
        free = or_(
            webhooks.c.holder.is_(None),
            webhooks.c.holder == token,
            webhooks.c.held_until <= format_utc(now),
        )
        taken = update(webhooks).where(webhooks.c.id == webhook_id, free)
        return self._db.execute(taken.values(holder=token, held_until=format_utc(until))).rowcount > 0

    def release_webhook(self, webhook_id: str, token: str) -> None:
        held = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.holder == token)
        self._db.execute(held.values(holder=None, held_until=None))

    def release_webhooks(self) -> None:
        self._db.execute(update(webhooks).values(holder=None, held_until=None))

    # deliveries
    def insert_deliveries(self, new: Sequence[Delivery]) -> None:
        rows = [_columns_of(delivery) for delivery in new]
        if rows:
            _insert(self._db, deliveries, rows, "a delivery exists already")

    def update_delivery(self, delivery: Delivery) -> None:
        stored = update(deliveries).where(deliveries.c.id == delivery.id)
        self._db.execute(stored.values(**_columns_of(delivery)))

    def get_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        of_both = select(deliveries).where(
            deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id
        )
        row = self._db.execute(of_both).mappings().first()
        if row is None:
            raise NotFound(f"the webhook {webhook_id} has no delivery {delivery_id[:80]!r}")
        return _to_delivery(row)

    def list_deliveries(self, which: DeliveryFilter) -> list[Delivery]:
        found = select(deliveries).where(deliveries.c.webhook_id == which.webhook_id)
        if which.state is not None:
            found = found.where(deliveries.c.state == which.state.value)
        if which.before is not None:
            found = found.where(deliveries.c.position < which.before)
        newest = found.order_by(deliveries.c.position.desc()).limit(which.limit)
        return [_to_delivery(row) for row in self._db.execute(newest).mappings()]

    def count_deliveries(self, webhook_id: str) -> dict[DeliveryState, int]:
        counted = select(deliveries.c.state, func.count().label("number"))
        of_webhook = counted.where(deliveries.c.webhook_id == webhook_id).group_by(deliveries.c.state)
        return {
            DeliveryState(row["state"]): int(row["number"]) for row in self._db.execute(of_webhook).mappings()
        }

    def due_webhooks(self, now: datetime) -> list[str]:
        due = select(deliveries.c.webhook_id).where(_WAITING, deliveries.c.next_at <= format_utc(now))
        return list(self._db.execute(due.distinct().order_by(deliveries.c.webhook_id)).scalars())

    def due_deliveries(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        earlier = deliveries.alias()
        held_up = select(earlier.c.id).where(
            earlier.c.webhook_id == webhook_id,
            earlier.c.state == DeliveryState.WAITING.value,
            earlier.c.run_id == deliveries.c.run_id,
            earlier.c.position < deliveries.c.position,
            earlier.c.next_at > format_utc(now),
        )
        due = select(deliveries).where(
            _WAITING,
            deliveries.c.webhook_id == webhook_id,
            deliveries.c.next_at <= format_utc(now),
            ~held_up.exists(),
        )
        rows = self._db.execute(due.order_by(deliveries.c.position).limit(limit)).mappings()
        return [_to_delivery(row) for row in rows]

    def postpone_deliveries(self, webhook_id: str, until: datetime) -> None:
        moment = format_utc(until)
        sooner = update(deliveries).where(
            _WAITING, deliveries.c.webhook_id == webhook_id, deliveries.c.next_at < moment
        )
        self._db.execute(sooner.values(next_at=moment))

    def bury_deliveries(self, webhook_id: str, at: datetime, why: str) -> None:
        waiting = update(deliveries).where(_WAITING, deliveries.c.webhook_id == webhook_id)
        self._db.execute(waiting.values(state=DeliveryState.DEAD.value, error=why, ended_at=format_utc(at)))

    def revive_deliveries(self, webhook_id: str, now: datetime, give_up_at: datetime) -> int:
        dead = update(deliveries).where(
            deliveries.c.webhook_id == webhook_id, deliveries.c.state == DeliveryState.DEAD.value
        )
        revived = dead.values(
            state=DeliveryState.WAITING.value,
            tries=0,
            next_at=format_utc(now),
            give_up_at=format_utc(give_up_at),
            ended_at=None,
        )
        return int(self._db.execute(revived).rowcount)

    def forget_deliveries(self, state: DeliveryState, before: datetime) -> None:
        old = deliveries.c.ended_at < format_utc(before)
        self._db.execute(delete(deliveries).where(deliveries.c.state == state.value, old))


def _encode(webhook: Webhook) -> str:
    record: dict[str, Any] = {field.name: getattr(webhook, field.name) for field in fields(webhook)}
    record |= {name: to_text(record[name]) for name in _TIMES}
    return encode_json(record).decode()


def _decode(text: str) -> Webhook:
    record: dict[str, Any] = json.loads(text)
    record |= {name: from_text(record[name]) for name in _TIMES}
    kinds = tuple(EventKind(kind) for kind in record.pop("kinds"))
    return Webhook(kinds=kinds, **record)


def _columns_of(delivery: Delivery) -> dict[str, Any]:
    columns = {field.name: getattr(delivery, field.name) for field in fields(delivery)}
    return {name: to_text(value) if isinstance(value, datetime) else value for name, value in columns.items()}


def _to_delivery(row: RowMapping) -> Delivery:
    times = {name: from_text(row[name]) for name in ("created_at", "next_at", "give_up_at", "ended_at")}
    named = {"kind": EventKind(row["kind"]), "state": DeliveryState(row["state"])}
    return Delivery(**{**row, **times, **named})


def _insert(session: Session, table: Any, rows: list[dict[str, Any]], taken: str) -> None:
    try:
        for row in rows:  # one by one: see Session.settle
            session.execute(insert(table), row)
    except IntegrityError as error:
        raise ValueError(taken) from error


def _unknown(webhook_id: str) -> NotFound:
    return NotFound(f"there is no webhook {webhook_id[:80]!r}")
