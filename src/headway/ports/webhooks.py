"""The sockets of what is told to others: storage of webhooks and their deliveries, the sender, the notifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from headway.domain.webhooks import Delivery, DeliveryState, Webhook


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries of a webhook to list; None means any."""

    webhook_id: str
    state: DeliveryState | None = None
    before: int | None = None  # cursor: the position of the last of the page before
    limit: int = 50


class HookTransaction(Protocol):
    """The part of a Transaction that keeps webhooks and their deliveries."""

    def insert_webhook(self, webhook: Webhook) -> None:
        """A new webhook. ValueError when the id is taken."""

    def update_webhook(self, webhook: Webhook) -> None:
        """Replace the stored one; who holds it is not touched. NotFound."""

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove it with all its deliveries. NotFound."""

    def get_webhook(self, webhook_id: str) -> Webhook:
        """NotFound when there is none."""

    def list_webhooks(self) -> list[Webhook]:
        """All of them, oldest first."""

    def hold_webhook(self, webhook_id: str, token: str, now: datetime, until: datetime) -> bool:
        """Take or keep the right to send for a webhook until then; False, and nothing changed, when another token
        holds it beyond `now` or there is no such webhook."""

    def release_webhook(self, webhook_id: str, token: str) -> None:
        """Give the right back. Quiet when the token does not hold it."""

    def release_webhooks(self) -> None:
        """Take every such right away: for a server that knows that it is alone."""

    def insert_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """New deliveries. ValueError when an id is taken."""

    def update_delivery(self, delivery: Delivery) -> None:
        """Replace the stored one; quiet when it is gone with its webhook."""

    def get_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """NotFound when the webhook has no such delivery."""

    def list_deliveries(self, which: DeliveryFilter) -> list[Delivery]:
        """Newest event first, at most `which.limit`."""

    def count_deliveries(self, webhook_id: str) -> dict[DeliveryState, int]:
        """How many of each state; a state without any may be missing."""

    def due_webhooks(self, now: datetime) -> list[str]:
        """Ids of the webhooks that have a waiting delivery whose time has come, sorted."""

    def due_deliveries(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        """Waiting deliveries whose time has come, by position; without those whose run has an earlier delivery of the
        webhook that waits and whose time has not come."""

    def postpone_deliveries(self, webhook_id: str, until: datetime) -> None:
        """No waiting delivery of the webhook is due before then."""

    def bury_deliveries(self, webhook_id: str, at: datetime, why: str) -> None:
        """Every waiting delivery of the webhook is dead."""

    def revive_deliveries(self, webhook_id: str, now: datetime, give_up_at: datetime) -> int:
        """Every dead delivery of the webhook waits again, due now, with no tries made; how many there were."""

    def forget_deliveries(self, state: DeliveryState, before: datetime) -> None:
        """Remove deliveries that came to this end before then."""


@dataclass(frozen=True)
class Outcome:
    """What became of one try to send. `status` None: no answer came, and `error` says why."""

    status: int | None
    error: str | None = None
    retry_after_s: float | None = None  # as the receiver asked


class WebhookSender(Protocol):
    """Sends one message to a receiver, which may be slow, hostile, or not what its name says."""

    def check(self, url: str) -> None:
        """InvalidInput for a URL that is never sent to, whatever its name resolves to."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """One try, within a bounded time. What goes wrong is an Outcome; nothing is raised. Redirects are answers
        like any other, and no address is connected to but one that was checked."""


class Notifier(Protocol):
    """Tells people, in whatever way they chose."""

    def notify(self, title: str, text: str) -> bool:
        """Whether everybody was reached. Nothing is raised."""
