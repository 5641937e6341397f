"""Send what waits: decide what a try means (pure), and the threads that try, one for each webhook."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

import structlog

from headway.control.context import Context
from headway.control.fan_out import fan_out
from headway.domain.errors import StoreUnavailable
from headway.domain.ids import new_token
from headway.domain.webhooks import Delivery, DeliveryState, Webhook, make_headers
from headway.ports import Transaction
from headway.ports.webhooks import Outcome
from headway.wire.crashpoints import reach

_log = structlog.get_logger("headway.webhooks")

GONE = "the receiver answered 410 Gone"
_AWAY = frozenset({408, 429, 502, 503, 504})  # it is the receiver that fails, not the message
_BATCH = 20
_LEASE = timedelta(seconds=60)  # longer than one try takes
_PAUSE_S = 1.0
_KEEP = {DeliveryState.DELIVERED: timedelta(days=7), DeliveryState.DEAD: timedelta(days=30)}
_SWEEP_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Rules:
    """How often and when a delivery is tried. With these, ten tries take about 20 hours."""

    max_tries: int = 10
    first_wait_s: float = 5.0
    factor: float = 4.0
    longest_wait_s: float = 6 * 3600.0  # holds for what a receiver asks for, too
    jitter_fraction: float = 0.2
    pause_s: float = 60.0  # at most, for the other deliveries of a receiver that is away


@dataclass(frozen=True)
class Decision:
    """What a try means: how the delivery stands, until when its receiver is left alone, whether it is gone."""

    delivery: Delivery
    pause_until: datetime | None = None
    gone: bool = False


def decide(delivery: Delivery, outcome: Outcome, now: datetime, chance: float, rules: Rules) -> Decision:
    """Delivered, once more later, or dead. `chance` in [0, 1) is the jitter.

    The wait grows by a constant factor up to a bound; where the receiver says Retry-After, it is at least that.
    """
    tried = delivery.evolve(tries=delivery.tries + 1, status=outcome.status, error=outcome.error)
    if outcome.status is not None and HTTPStatus.OK <= outcome.status < HTTPStatus.MULTIPLE_CHOICES:
        return Decision(tried.evolve(state=DeliveryState.DELIVERED, ended_at=now))
    if outcome.status == HTTPStatus.GONE:
        return Decision(tried.evolve(state=DeliveryState.DEAD, ended_at=now), gone=True)
    wait_s = _wait_s(tried.tries, outcome, chance, rules)
    pause_until = None
    if outcome.status is None or outcome.status in _AWAY:
        asked_s = outcome.retry_after_s or 0.0
        pause_until = now + timedelta(seconds=min(wait_s, max(rules.pause_s, asked_s)))
    if tried.tries >= rules.max_tries or now >= tried.give_up_at:
        return Decision(tried.evolve(state=DeliveryState.DEAD, ended_at=now), pause_until)
    return Decision(tried.evolve(next_at=now + timedelta(seconds=wait_s)), pause_until)


def _wait_s(tries: int, outcome: Outcome, chance: float, rules: Rules) -> float:
    grown_s = rules.first_wait_s * rules.factor ** (tries - 1)
    wait_s = min(max(grown_s, outcome.retry_after_s or 0.0), rules.longest_wait_s)
    return wait_s * (1.0 + rules.jitter_fraction * chance)


@dataclass
class Deliverer:
    """Sends the deliveries of all webhooks, each webhook in a thread of its own while something of it is due.

    Who sends for a webhook holds it: of several servers one does. What was sent is written down after it was sent;
    killed in between, or stopped for longer than the hold, the same message is sent again, with the same id.
    """

    context: Context
    rules: Rules = field(default_factory=Rules)
    chance: Callable[[], float] = random.random
    token: str = field(default_factory=new_token)
    _threads: dict[str, threading.Thread] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _swept_at: datetime | None = None

    def recover(self) -> None:
        """A server that is alone need not wait for what an earlier one held."""
        self.context.store.write(lambda tx: tx.release_webhooks())

    def step(self) -> float:
        """Make deliveries of new events, start sending what is due; seconds until the next look."""
        if self.context.store.read(lambda tx: tx.list_webhooks()):
            while fan_out(self.context):
                pass
            for webhook_id in self.context.store.read(self._due):
                self._begin(webhook_id)
            self._sweep()
        return _PAUSE_S

    def stop(self, timeout_s: float) -> None:
        """Begin no more tries, and wait for those under way. What a late one sent is sent again after a restart."""
        self._stopping.set()
        deadline = time.monotonic() + timeout_s
        for thread in list(self._threads.values()):
            thread.join(max(deadline - time.monotonic(), 0.0))

    def serve(self, webhook_id: str) -> None:
        """Send what is due of one webhook, in order, until nothing is or the receiver is to be left alone."""
        while not self._stopping.is_set():
            taken = self.context.store.write(lambda tx: self._take(tx, webhook_id))
            if taken is None or not self._send_all(*taken):
                break
        self.context.store.write(lambda tx: tx.release_webhook(webhook_id, self.token))

    def _due(self, tx: Transaction) -> list[str]:
        active = {webhook.id for webhook in tx.list_webhooks() if webhook.active}
        return (
            [found for found in tx.due_webhooks(self.context.clock.now()) if found in active]
            if active
            else []
        )

    def _begin(self, webhook_id: str) -> None:
        self._threads = {key: thread for key, thread in self._threads.items() if thread.is_alive()}
        if webhook_id in self._threads:
            return
        thread = threading.Thread(target=self._serve_safely, args=(webhook_id,), name=webhook_id, daemon=True)
        self._threads[webhook_id] = thread
        thread.start()

    def _serve_safely(self, webhook_id: str) -> None:
        try:
            self.serve(webhook_id)
        except StoreUnavailable as error:
            _log.warning("store unavailable, trying again", webhook_id=webhook_id, error=str(error))
        except Exception:  # noqa: BLE001  (a webhook must not harm the service; it is tried again)
            _log.exception("sending broke", webhook_id=webhook_id)

    def _take(self, tx: Transaction, webhook_id: str) -> tuple[Webhook, list[Delivery]] | None:
        if not self._hold(tx, webhook_id):
            return None
        webhook = tx.get_webhook(webhook_id)
        due = tx.due_deliveries(webhook_id, self.context.clock.now(), _BATCH) if webhook.active else []
        return (webhook, due) if due else None

    def _hold(self, tx: Transaction, webhook_id: str) -> bool:
        now = self.context.clock.now()
        return tx.hold_webhook(webhook_id, self.token, now, now + _LEASE)

    def _send_all(self, webhook: Webhook, due: list[Delivery]) -> bool:
        """Whether to go on. A run whose delivery failed is left alone, so that its events stay in order."""
        failed: set[str] = set()
        for delivery in due:
            if delivery.run_id in failed:
                continue
            if self._stopping.is_set():
                return False
            decision = self._try(webhook, delivery)
            reach("deliver.sent")
            held = self.context.store.write(partial(self._record, webhook=webhook, decision=decision))
            if not held or decision.pause_until is not None or decision.gone:
                return False
            if decision.delivery.state is not DeliveryState.DELIVERED:
                failed.add(delivery.run_id)
        return True

    def _try(self, webhook: Webhook, delivery: Delivery) -> Decision:
        clock = self.context.clock
        headers = make_headers(webhook, delivery.id, delivery.body, clock.now())
        outcome = self._send(webhook, headers, delivery)
        decision = decide(delivery, outcome, clock.now(), self.chance(), self.rules)
        if decision.delivery.state is not DeliveryState.DELIVERED:
            _log.warning(
                "webhook not delivered",
                webhook_id=webhook.id,
                delivery_id=delivery.id,
                tries=decision.delivery.tries,
                error=outcome.error,
            )
        return decision

    def _send(self, webhook: Webhook, headers: dict[str, str], delivery: Delivery) -> Outcome:
        try:
            return self.context.sender.send(webhook.url, headers, delivery.body.encode())
        except Exception as error:  # noqa: BLE001  (a try that is not counted would be made again for ever)
            _log.exception("the sender broke", webhook_id=webhook.id, delivery_id=delivery.id)
            return Outcome(None, f"the sender broke: {type(error).__name__}")

    def _record(self, tx: Transaction, *, webhook: Webhook, decision: Decision) -> bool:
        """Write down what a try came to, and hold on; False when it is held by another server, or was switched off."""
        if not self._hold(tx, webhook.id):
            return False
        tx.update_delivery(decision.delivery)
        if decision.pause_until is not None:
            tx.postpone_deliveries(webhook.id, decision.pause_until)
        stored = tx.get_webhook(webhook.id)
        if decision.gone and stored.url == webhook.url:
            tx.update_webhook(stored.evolve(active=False, inactive_why=GONE))
            tx.bury_deliveries(webhook.id, self.context.clock.now(), GONE)
        return stored.active

    def _sweep(self) -> None:
        """Forget what ended long ago, once in a while."""
        now = self.context.clock.now()
        if self._swept_at is not None and now < self._swept_at + _SWEEP_EVERY:
            return
        self._swept_at = now
        for state, kept in _KEEP.items():
            self.context.store.write(partial(_forget, state=state, before=now - kept))


def _forget(tx: Transaction, *, state: DeliveryState, before: datetime) -> None:
    tx.forget_deliveries(state, before)
