"""Webhooks and their deliveries in memory: a part of the port Transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headway.domain.errors import NotFound
from headway.domain.webhooks import Delivery, DeliveryState, Webhook
from headway.ports.webhooks import DeliveryFilter


@dataclass
class HookTables:
    """What is stored of them. Everything in it is frozen, but for the containers."""

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    holders: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    def branch(self) -> HookTables:
        return HookTables(dict(self.webhooks), dict(self.holders), dict(self.deliveries))


class MemoryHooks:
    """Works on tables that belong to one transaction."""

    _hooks: HookTables

    # webhooks
    def insert_webhook(self, webhook: Webhook) -> None:
        if webhook.id in self._hooks.webhooks:
            raise ValueError(f"the webhook {webhook.id} exists already")
        self._hooks.webhooks[webhook.id] = webhook

    def update_webhook(self, webhook: Webhook) -> None:
        self.get_webhook(webhook.id)
        self._hooks.webhooks[webhook.id] = webhook

    def delete_webhook(self, webhook_id: str) -> None:
        self.get_webhook(webhook_id)
        hooks = self._hooks
        del hooks.webhooks[webhook_id]
        hooks.holders.pop(webhook_id, None)
        hooks.deliveries = {
            key: kept for key, kept in hooks.deliveries.items() if kept.webhook_id != webhook_id
        }

    def get_webhook(self, webhook_id: str) -> Webhook:
        found = self._hooks.webhooks.get(webhook_id)
        if found is None:
            raise NotFound(f"there is no webhook {webhook_id[:80]!r}")
        return found

    def list_webhooks(self) -> list[Webhook]:
        return sorted(self._hooks.webhooks.values(), key=lambda hook: (hook.created_at, hook.id))

    def hold_webhook(self, webhook_id: str, token: str, now: datetime, until: datetime) -> bool:
        hooks = self._hooks
        holder, held_until = hooks.holders.get(webhook_id, (token, until))
        if webhook_id not in hooks.webhooks or (holder != token and held_until > now):
            return False
        hooks.holders[webhook_id] = (token, until)
        return True

    def release_webhook(self, webhook_id: str, token: str) -> None:
        if self._hooks.holders.get(webhook_id, ("", None))[0] == token:
            del self._hooks.holders[webhook_id]

    def release_webhooks(self) -> None:
        self._hooks.holders.clear()

    # deliveries
    def insert_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.id in self._hooks.deliveries:
                raise ValueError("a delivery exists already")
            self._hooks.deliveries[delivery.id] = delivery

    def update_delivery(self, delivery: Delivery) -> None:
        if delivery.id in self._hooks.deliveries:
            self._hooks.deliveries[delivery.id] = delivery

    def get_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        found = self._hooks.deliveries.get(delivery_id)
        if found is None or found.webhook_id != webhook_id:
            raise NotFound(f"the webhook {webhook_id} has no delivery {delivery_id[:80]!r}")
        return found

    def list_deliveries(self, which: DeliveryFilter) -> list[Delivery]:
        found = [
            delivery
            for delivery in self._of(which.webhook_id)
            if which.state in (None, delivery.state)
            and (which.before is None or delivery.position < which.before)
        ]
        return found[::-1][: which.limit]

    def count_deliveries(self, webhook_id: str) -> dict[DeliveryState, int]:
        return dict(Counter(delivery.state for delivery in self._of(webhook_id)))

    def due_webhooks(self, now: datetime) -> list[str]:
        waiting = (kept for kept in self._hooks.deliveries.values() if _waits(kept))
        return sorted({delivery.webhook_id for delivery in waiting if delivery.next_at <= now})

    def due_deliveries(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        due: list[Delivery] = []
        held_up: set[str] = set()
        for delivery in filter(_waits, self._of(webhook_id)):
            if delivery.next_at > now:
                held_up.add(delivery.run_id)
            elif delivery.run_id not in held_up:
                due.append(delivery)
        return due[:limit]

    def postpone_deliveries(self, webhook_id: str, until: datetime) -> None:
        for delivery in filter(_waits, self._of(webhook_id)):
            self.update_delivery(delivery.evolve(next_at=max(delivery.next_at, until)))

    def bury_deliveries(self, webhook_id: str, at: datetime, why: str) -> None:
        for delivery in filter(_waits, self._of(webhook_id)):
            self.update_delivery(delivery.evolve(state=DeliveryState.DEAD, error=why, ended_at=at))

    def revive_deliveries(self, webhook_id: str, now: datetime, give_up_at: datetime) -> int:
        dead = [kept for kept in self._of(webhook_id) if kept.state is DeliveryState.DEAD]
        for delivery in dead:
            waiting = delivery.evolve(state=DeliveryState.WAITING, tries=0, ended_at=None)
            self.update_delivery(waiting.evolve(next_at=now, give_up_at=give_up_at))
        return len(dead)

    def forget_deliveries(self, state: DeliveryState, before: datetime) -> None:
        hooks = self._hooks
        hooks.deliveries = {
            key: kept
            for key, kept in hooks.deliveries.items()
            if kept.state is not state or kept.ended_at is None or kept.ended_at >= before
        }

    def _of(self, webhook_id: str) -> list[Delivery]:
        found = [kept for kept in self._hooks.deliveries.values() if kept.webhook_id == webhook_id]
        return sorted(found, key=lambda delivery: delivery.position)


def _waits(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.WAITING
