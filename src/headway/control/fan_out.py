"""From events to deliveries, one for each webhook that wants the event; made once, together with the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from headway.control.context import Context
from headway.control.follow import Batch, read_unread
from headway.domain.events import Event
from headway.domain.runs import Run
from headway.domain.webhooks import Delivery, Webhook, describe_event, message_id
from headway.ports import Transaction

SUBSCRIBER = "webhooks"
LIFE = timedelta(hours=24)  # after which a delivery that fails is given up


def fan_out(context: Context) -> int:
    """Make the deliveries of one batch of events; how many events it held. Nothing is written when there are none."""
    if not context.store.read(lambda tx: _unread(tx, _active(tx)).events):
        return 0
    now = context.clock.now()
    return context.store.write(lambda tx: _fan_out(tx, now))


def _fan_out(tx: Transaction, now: datetime) -> int:
    webhooks = _active(tx)
    batch = _unread(tx, webhooks)
    runs = {run_id: tx.find_run(run_id) for run_id in {event.run_id for event in batch.events}}
    for event in batch.events:
        run = runs[event.run_id]
        if run is not None:  # else it was removed, and what it was cannot be told any more
            tx.insert_deliveries(make_deliveries(event, run, webhooks, now))
    tx.set_cursor(SUBSCRIBER, batch.cursor)
    return len(batch.events)


def make_deliveries(event: Event, run: Run, webhooks: Sequence[Webhook], now: datetime) -> list[Delivery]:
    """What an event makes to be sent."""
    wanting = [webhook for webhook in webhooks if webhook.wants(event, run.spec.engine)]
    body = describe_event(event, run) if wanting else ""
    return [
        Delivery(
            id=message_id(webhook.id, event.position),
            webhook_id=webhook.id,
            run_id=event.run_id,
            position=event.position,
            kind=event.kind,
            body=body,
            created_at=now,
            next_at=now,
            give_up_at=now + LIFE,
        )
        for webhook in wanting
    ]


def _active(tx: Transaction) -> list[Webhook]:
    return [webhook for webhook in tx.list_webhooks() if webhook.active]


def _unread(tx: Transaction, webhooks: Sequence[Webhook]) -> Batch:
    """The cursor stands still while there is no webhook: events before the first one are passed over at once."""
    if not webhooks:
        return Batch([], 0)
    return read_unread(tx, SUBSCRIBER, not_before=min(webhook.after_position for webhook in webhooks))
