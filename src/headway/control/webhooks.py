"""Webhooks as people handle them: register, change, rotate, try out, look at deliveries, replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headway.control.context import Context
from headway.control.fan_out import LIFE
from headway.domain.errors import Conflict, InvalidInput
from headway.domain.events import EventKind
from headway.domain.ids import new_token
from headway.domain.webhooks import (
    PING,
    Delivery,
    DeliveryState,
    Webhook,
    encode_body,
    make_headers,
    new_secret,
    new_webhook_id,
)
from headway.ports import Transaction
from headway.ports.webhooks import DeliveryFilter, Outcome

MAX_WEBHOOKS = 64  # each may need a thread
OLD_SECRET_HOLDS = timedelta(hours=24)


@dataclass(frozen=True)
class Draft:
    """What is asked for: where to send, and which events; without kinds, engine and run it is all of them."""

    url: str
    kinds: tuple[EventKind, ...] = ()
    engine: str | None = None
    run_id: str | None = None
    description: str = ""


@dataclass(frozen=True)
class WebhookView:
    """A webhook, and how many deliveries it has of each state."""

    webhook: Webhook
    counts: dict[DeliveryState, int]


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries, newest event first, and the position to go on from."""

    deliveries: list[Delivery]
    next_before: int | None


def register(context: Context, draft: Draft) -> WebhookView:
    """A new webhook, which is told of the events that follow. InvalidInput, Conflict when there are too many."""
    context.sender.check(draft.url)
    now = context.clock.now()

    def insert(tx: Transaction) -> Webhook:
        if len(tx.list_webhooks()) >= MAX_WEBHOOKS:
            raise Conflict(f"there are {MAX_WEBHOOKS} webhooks, which is the most: remove one")
        _require_run(tx, draft.run_id)
        webhook = Webhook(
            id=new_webhook_id(now),
            secret=new_secret(),
            created_at=now,
            after_position=tx.last_position(),
            **vars(draft),
        )
        tx.insert_webhook(webhook)
        return webhook

    return WebhookView(context.store.write(insert), {})


def list_webhooks(context: Context) -> list[WebhookView]:
    """All of them, oldest first."""
    return context.store.read(lambda tx: [_view(tx, webhook) for webhook in tx.list_webhooks()])


def get_webhook(context: Context, webhook_id: str) -> WebhookView:
    """NotFound when there is none."""
    return context.store.read(lambda tx: _view(tx, tx.get_webhook(webhook_id)))


def change(context: Context, webhook_id: str, changes: dict[str, Any]) -> WebhookView:
    """Change what a webhook is told or where; `active` among it. Events while it is not active are not for it."""
    if "url" in changes:
        context.sender.check(changes["url"])

    def update(tx: Transaction) -> WebhookView:
        stored = tx.get_webhook(webhook_id)
        _require_run(tx, changes.get("run_id"))
        changed = stored.evolve(**changes)
        if changed.active and not stored.active:
            changed = changed.evolve(after_position=tx.last_position(), inactive_why="")
        elif stored.active and not changed.active:
            changed = changed.evolve(inactive_why="switched off")
        tx.update_webhook(changed)
        return _view(tx, changed)

    return context.store.write(update)


def remove(context: Context, webhook_id: str) -> None:
    """Remove a webhook with its deliveries. NotFound."""
    context.store.write(lambda tx: tx.delete_webhook(webhook_id))


def rotate(context: Context, webhook_id: str) -> WebhookView:
    """A new secret. The one before signs too, for a day, so that the receiver can change over. NotFound."""
    until = context.clock.now() + OLD_SECRET_HOLDS

    def update(tx: Transaction) -> WebhookView:
        stored = tx.get_webhook(webhook_id)
        rotated = stored.evolve(secret=new_secret(), old_secret=stored.secret, old_secret_until=until)
        tx.update_webhook(rotated)
        return _view(tx, rotated)

    return context.store.write(update)


def ping(context: Context, webhook_id: str) -> Outcome:
    """Send a `ping` now, once, and tell what came of it. It is not kept. NotFound."""
    webhook = get_webhook(context, webhook_id).webhook
    now = context.clock.now()
    body = encode_body(PING, now, {"webhookId": webhook.id})
    headers = make_headers(webhook, f"msg_ping_{new_token()}", body, now)
    return context.sender.send(webhook.url, headers, body.encode())


def list_deliveries(context: Context, which: DeliveryFilter) -> DeliveryPage:
    """A page of deliveries. NotFound when there is no such webhook."""

    def find(tx: Transaction) -> list[Delivery]:
        tx.get_webhook(which.webhook_id)
        return tx.list_deliveries(which)

    found = context.store.read(find)
    return DeliveryPage(found, found[-1].position if len(found) == which.limit else None)


def replay(context: Context, webhook_id: str, delivery_id: str) -> Delivery:
    """Send a delivery once more, with the same id and body, as if it had never been tried. NotFound."""
    now = context.clock.now()

    def revive(tx: Transaction) -> Delivery:
        again = tx.get_delivery(webhook_id, delivery_id).evolve(
            state=DeliveryState.WAITING, tries=0, next_at=now, give_up_at=now + LIFE, ended_at=None
        )
        tx.update_delivery(again)
        return again

    return context.store.write(revive)


def replay_dead(context: Context, webhook_id: str) -> int:
    """Send every dead delivery once more; how many there are. NotFound."""
    now = context.clock.now()

    def revive(tx: Transaction) -> int:
        tx.get_webhook(webhook_id)
        return tx.revive_deliveries(webhook_id, now, now + LIFE)

    return context.store.write(revive)


def _view(tx: Transaction, webhook: Webhook) -> WebhookView:
    return WebhookView(webhook, tx.count_deliveries(webhook.id))


def _require_run(tx: Transaction, run_id: str | None) -> None:
    if run_id is not None and tx.find_run(run_id) is None:
        raise InvalidInput("runId", run_id, "the id of a run")
