from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headway.control import webhooks
from headway.control.deliver import GONE, Deliverer, Rules, decide
from headway.control.fan_out import fan_out
from headway.control.webhooks import Draft
from headway.domain.errors import NotFound
from headway.domain.events import EventKind
from headway.domain.runs import Run
from headway.domain.webhooks import Delivery, DeliveryState
from headway.ports import Transaction
from headway.ports.webhooks import DeliveryFilter, Outcome
from tests.contract.test_webhooks_store import make_delivery
from tests.factories import T0, moment
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import queue

RULES = Rules()
OK = Outcome(200)
BROKEN = Outcome(500, "answered 500")
AWAY = Outcome(None, "no answer: connection refused")


@dataclass
class ScriptedSender:
    """The port WebhookSender: outcomes in order, the last of which stays; it remembers what was sent."""

    outcomes: list[Outcome] = field(default_factory=lambda: [OK])
    sent: list[tuple[str, str]] = field(default_factory=list)  # url, webhook-id
    dies: bool = False
    breaks: bool = False

    def check(self, url: str) -> None:
        """Every address will do."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.sent.append((url, headers["webhook-id"]))
        if self.dies:
            raise KeyboardInterrupt
        if self.breaks:
            raise OverflowError("an answer that nobody expected")
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    @property
    def positions(self) -> list[int]:
        return [int(identity.rsplit("_", 1)[1]) for _, identity in self.sent]


@dataclass(frozen=True)
class House:
    services: Services
    sender: ScriptedSender
    deliverer: Deliverer

    def hook(self, **asked: Any) -> str:
        draft = Draft(**{"url": "https://hooks.example.org", **asked})
        return webhooks.register(self.services.context, draft).webhook.id

    def serve(self, *hooks: str) -> None:
        """What a step does, in this thread."""
        while fan_out(self.services.context):
            pass
        for hook in hooks:
            self.deliverer.serve(hook)

    def deliveries(self, hook: str) -> list[Delivery]:
        """In order of position."""
        return webhooks.list_deliveries(self.services.context, DeliveryFilter(hook)).deliveries[::-1]

    def states(self, hook: str) -> list[DeliveryState]:
        return [delivery.state for delivery in self.deliveries(hook)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    sender = ScriptedSender()
    services = make_services(tmp_path, sender=sender)
    return House(services, sender, Deliverer(services.context, chance=lambda: 0.0))


def _tries(count: int, outcome: Outcome = BROKEN) -> list[float]:
    """Seconds between tries that all fail."""
    now, delivery, waits = T0, make_delivery(1, give_up_at=moment(1e6)), []
    for _ in range(count):
        delivery = decide(delivery, outcome, now, 0.0, RULES).delivery
        waits.append((delivery.next_at - now).total_seconds())
        now = delivery.next_at
    return waits


# the decision


def test_an_answer_of_2xx_is_the_end() -> None:
    for status in (200, 204, 299):
        decision = decide(make_delivery(1), Outcome(status), moment(3), 0.0, RULES)
        assert decision.delivery.state is DeliveryState.DELIVERED
        assert (decision.delivery.tries, decision.delivery.ended_at) == (1, moment(3))
        assert decision.pause_until is None


def test_waits_grow_by_a_factor_up_to_a_bound() -> None:
    assert _tries(9) == [5, 20, 80, 320, 1280, 5120, 20480, 21600, 21600]


def test_jitter_makes_a_wait_longer_and_never_shorter() -> None:
    late = decide(make_delivery(1), BROKEN, T0, 0.999, RULES).delivery.next_at

    assert moment(5) < late < moment(6.1)


@pytest.mark.parametrize("status", [300, 302, 400, 404, 500, None])
def test_whatever_else_is_answered_is_tried_again(status: int | None) -> None:
    decision = decide(make_delivery(1), Outcome(status, "no"), T0, 0.0, RULES)

    assert (decision.delivery.state, decision.delivery.error) == (DeliveryState.WAITING, "no")
    assert not decision.gone


def test_a_receiver_is_given_the_time_that_it_asks_for_within_a_bound() -> None:
    def wait_s(asked_s: float) -> float:
        decision = decide(make_delivery(1), Outcome(429, "no", asked_s), T0, 0.0, RULES)
        assert decision.pause_until == decision.delivery.next_at
        return (decision.delivery.next_at - T0).total_seconds()

    assert [wait_s(1), wait_s(300), wait_s(1e9)] == [5, 300, 21600]


def test_the_other_messages_of_a_receiver_that_is_away_wait_a_minute_at_most() -> None:
    first, fifth = (
        decide(make_delivery(1, tries=tries), AWAY, T0, 0.0, RULES).pause_until for tries in (0, 4)
    )

    assert (first, fifth) == (moment(5), moment(60))
    assert decide(make_delivery(1), BROKEN, T0, 0.0, RULES).pause_until is None


def test_tries_and_age_have_a_bound() -> None:
    last = decide(make_delivery(1, tries=9), BROKEN, T0, 0.0, RULES).delivery
    old = decide(make_delivery(1), BROKEN, moment(1000), 0.0, RULES).delivery

    assert (last.state, old.state) == (DeliveryState.DEAD, DeliveryState.DEAD)
    assert decide(make_delivery(1), OK, moment(1000), 0.0, RULES).delivery.state is DeliveryState.DELIVERED


def test_gone_is_for_good() -> None:
    decision = decide(make_delivery(1), Outcome(410, "answered 410"), T0, 0.0, RULES)

    assert decision.gone
    assert decision.delivery.state is DeliveryState.DEAD


# fan-out


def test_a_webhook_is_told_of_what_follows_it_and_each_event_once(house: House) -> None:
    queue(house.services)
    hook = house.hook()
    queue(house.services)

    house.serve(hook)
    house.serve(hook)

    assert house.sender.positions == [2]
    (delivery,) = house.deliveries(hook)
    assert delivery.kind is EventKind.RUN_QUEUED
    assert '"type":"run_queued"' in delivery.body


def test_without_a_webhook_nothing_is_written(house: House) -> None:
    queue(house.services)

    assert fan_out(house.services.context) == 0
    assert house.services.context.store.read(lambda tx: tx.find_cursor("webhooks")) is None


def test_what_happens_while_a_webhook_is_off_is_not_for_it(house: House) -> None:
    hook = house.hook()
    context = house.services.context
    webhooks.change(context, hook, {"active": False})
    queue(house.services)
    house.serve(hook)
    webhooks.change(context, hook, {"active": True})
    queue(house.services)

    house.serve(hook)

    assert house.sender.positions == [2]


# sending


def _note(tx: Transaction, *, run: Run, seq: int) -> None:
    tx.append_event(run.id, seq, 0, T0, EventKind.NOTE_LOGGED, {"level": "info", "text": "…"})


def _queue_notes(house: House, *counts: int) -> list[Run]:
    """Runs with so many notes each, one after the other."""
    runs = []
    for count in counts:
        run = queue(house.services)
        runs.append(run)
        for seq in range(2, count + 1):
            house.services.context.store.write(partial(_note, run=run, seq=seq))
    return runs


def test_threads_that_have_sent_all_are_not_kept(house: House) -> None:
    first, second = house.hook(), house.hook()
    for hook in (first, second):
        house.deliverer._begin(hook)
        house.deliverer._threads[hook].join()

    assert list(house.deliverer._threads) == [second]


def test_events_are_sent_in_order(house: House) -> None:
    hook = house.hook()
    _queue_notes(house, 30, 15)

    house.serve(hook)

    assert house.sender.positions == list(range(1, 46))


def test_a_receiver_that_was_down_gets_everything_in_order_once_it_is_up(house: House) -> None:
    hook = house.hook()
    _queue_notes(house, 2, 2)
    house.sender.outcomes = [AWAY, OK]

    house.serve(hook)
    house.serve(hook)
    assert house.sender.positions == [1]

    house.services.clock.advance(5)
    house.serve(hook)
    assert house.sender.positions == [1, 1, 2, 3, 4]


def test_a_message_that_is_refused_holds_up_its_run_and_no_other(house: House) -> None:
    hook = house.hook()
    _queue_notes(house, 2, 2)
    house.sender.outcomes = [BROKEN, OK]

    house.serve(hook)
    assert house.sender.positions == [1, 3, 4]

    house.services.clock.advance(5)
    house.serve(hook)
    assert house.sender.positions == [1, 3, 4, 1, 2]


def test_what_fails_for_too_long_is_dead_and_can_be_replayed_with_the_same_id(house: House) -> None:
    hook = house.hook()
    queue(house.services)
    house.sender.outcomes = [BROKEN]
    for _ in range(RULES.max_tries + 2):
        house.serve(hook)
        house.services.clock.advance(RULES.longest_wait_s)
    (dead,) = house.deliveries(hook)
    assert dead.state is DeliveryState.DEAD
    assert len(house.sender.sent) == dead.tries

    house.sender.outcomes = [OK]
    webhooks.replay(house.services.context, hook, dead.id)
    house.serve(hook)

    assert house.states(hook) == [DeliveryState.DELIVERED]
    assert {identity for _, identity in house.sender.sent} == {dead.id}


def test_all_dead_deliveries_are_replayed_at_once(house: House) -> None:
    hook = house.hook()
    _queue_notes(house, 3)
    house.sender.outcomes = [Outcome(410, "answered 410")]
    house.serve(hook)
    assert house.states(hook) == [DeliveryState.DEAD] * 3

    view = webhooks.get_webhook(house.services.context, hook)
    assert (view.webhook.active, view.webhook.inactive_why) == (False, GONE)
    assert webhooks.replay_dead(house.services.context, hook) == 3
    webhooks.change(house.services.context, hook, {"active": True})
    house.sender.outcomes = [OK]
    house.serve(hook)

    assert house.states(hook) == [DeliveryState.DELIVERED] * 3


def test_a_server_killed_between_sending_and_writing_it_down_sends_the_same_id_again(house: House) -> None:
    hook = house.hook()
    queue(house.services)
    house.sender.dies = True
    with pytest.raises(KeyboardInterrupt):
        house.serve(hook)
    house.sender.dies = False

    after_restart = Deliverer(house.services.context)
    after_restart.recover()
    after_restart.serve(hook)

    first, second = house.sender.sent
    assert first == second
    assert house.states(hook) == [DeliveryState.DELIVERED]


def test_of_two_servers_one_sends_and_the_other_takes_over_when_it_is_silent(house: House) -> None:
    hook = house.hook()
    queue(house.services)
    house.sender.dies = True
    with pytest.raises(KeyboardInterrupt):
        house.serve(hook)
    house.sender.dies = False
    other = Deliverer(house.services.context)

    other.serve(hook)
    assert len(house.sender.sent) == 1
    house.services.clock.advance(60)
    other.serve(hook)
    assert len(house.sender.sent) == 2


def test_a_server_that_lost_its_hold_while_sending_writes_nothing_down(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = house.hook()
    queue(house.services)
    context, clock = house.services.context, house.services.clock

    def send_slowly(*_: Any) -> Outcome:
        now = clock.advance(61)
        until = now + timedelta(seconds=60)
        assert context.store.write(lambda tx: tx.hold_webhook(hook, "other", now, until))
        return OK

    monkeypatch.setattr(house.sender, "send", send_slowly)
    house.serve(hook)

    assert house.states(hook) == [DeliveryState.WAITING]


def test_a_webhook_removed_while_it_is_sent_to_is_no_trouble(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = house.hook()
    queue(house.services)

    def remove(*_: Any) -> Outcome:
        webhooks.remove(house.services.context, hook)
        return OK

    monkeypatch.setattr(house.sender, "send", remove)
    house.serve(hook)

    with pytest.raises(NotFound):
        webhooks.get_webhook(house.services.context, hook)


def test_what_was_delivered_a_week_ago_is_forgotten(house: House) -> None:
    hook = house.hook()
    queue(house.services)
    house.serve(hook)
    house.services.clock.advance(8 * 86400)

    house.deliverer.step()
    house.deliverer.stop(5)

    assert house.deliveries(hook) == []


def test_a_sender_that_breaks_has_tried(house: House) -> None:
    hook = house.hook()
    queue(house.services)
    house.sender.breaks = True

    house.serve(hook)

    (delivery,) = house.deliveries(hook)
    assert (delivery.tries, delivery.error) == (1, "the sender broke: OverflowError")
    assert delivery.next_at > house.services.clock.now()
