"""What every store promises about webhooks and their deliveries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headway.domain.errors import NotFound
from headway.domain.events import EventKind
from headway.domain.webhooks import Delivery, DeliveryState, Webhook, message_id
from headway.ports import Store, Transaction
from headway.ports.webhooks import DeliveryFilter
from tests.factories import moment, run_id

HOOK = "wh_1700000000000_00000001"
OTHER = "wh_1700000000000_00000002"


def make_webhook(identity: str = HOOK, **changes: Any) -> Webhook:
    values: dict[str, Any] = {
        "id": identity,
        "url": "https://hooks.example.org/in",
        "secret": "whsec_c2VjcmV0",
        "created_at": moment(0),
        "after_position": 0,
        **changes,
    }
    return Webhook(**values)


def make_delivery(
    position: int, *, of: str = HOOK, run: int = 1, due_s: float = 0, **changes: Any
) -> Delivery:
    values: dict[str, Any] = {
        "id": message_id(of, position),
        "webhook_id": of,
        "run_id": run_id(run),
        "position": position,
        "kind": EventKind.NOTE_LOGGED,
        "body": '{"é": 1}',
        "created_at": moment(0),
        "next_at": moment(due_s),
        "give_up_at": moment(1000),
        **changes,
    }
    return Delivery(**values)


def keep(store: Store, *deliveries: Delivery, webhooks: tuple[str, ...] = (HOOK,)) -> None:
    def insert(tx: Transaction) -> None:
        for identity in webhooks:
            tx.insert_webhook(make_webhook(identity))
        tx.insert_deliveries(deliveries)

    store.write(insert)


def due(store: Store, seconds: float, *, of: str = HOOK, limit: int = 100) -> list[int]:
    found = store.read(lambda tx: tx.due_deliveries(of, moment(seconds), limit))
    return [delivery.position for delivery in found]


def all_of(store: Store, *, of: str = HOOK, **which: Any) -> list[Delivery]:
    return store.read(lambda tx: tx.list_deliveries(DeliveryFilter(of, **which)))


def test_a_webhook_comes_back_as_it_was(store: Store) -> None:
    webhook = make_webhook(
        kinds=(EventKind.RUN_ENDED,),
        engine="ppo",
        run_id=run_id(1),
        active=False,
        inactive_why="gone",
        old_secret="whsec_b2xk",
        old_secret_until=moment(9),
    )
    store.write(lambda tx: tx.insert_webhook(webhook))

    assert store.read(lambda tx: tx.get_webhook(HOOK)) == webhook
    assert store.read(lambda tx: tx.list_webhooks()) == [webhook]


def test_an_id_names_one_webhook(store: Store) -> None:
    keep(store)
    with pytest.raises(ValueError, match="exists already"):
        store.write(lambda tx: tx.insert_webhook(make_webhook()))


def test_a_webhook_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.read(lambda tx: tx.get_webhook(HOOK))
    with pytest.raises(NotFound):
        store.write(lambda tx: tx.update_webhook(make_webhook()))
    with pytest.raises(NotFound):
        store.write(lambda tx: tx.delete_webhook(HOOK))


def test_a_removed_webhook_takes_its_deliveries_with_it_and_no_others(store: Store) -> None:
    keep(store, make_delivery(1), make_delivery(1, of=OTHER), webhooks=(HOOK, OTHER))

    store.write(lambda tx: tx.delete_webhook(HOOK))

    assert [webhook.id for webhook in store.read(lambda tx: tx.list_webhooks())] == [OTHER]
    assert all_of(store) == []
    assert all_of(store, of=OTHER) == [make_delivery(1, of=OTHER)]


def test_a_webhook_is_held_by_one_until_its_time_is_over(store: Store) -> None:
    keep(store)

    def hold(token: str, now: float, until: float) -> bool:
        return store.write(lambda tx: tx.hold_webhook(HOOK, token, moment(now), moment(until)))

    assert hold("a", 0, 10)
    assert not hold("b", 5, 15)
    assert hold("a", 9, 20)
    assert not hold("b", 15, 25)
    assert hold("b", 20, 30)
    store.write(lambda tx: tx.release_webhook(HOOK, "a"))
    assert not hold("a", 21, 31)
    store.write(lambda tx: tx.release_webhook(HOOK, "b"))
    assert hold("a", 21, 31)
    store.write(lambda tx: tx.release_webhooks())
    assert hold("b", 21, 31)
    assert not store.write(lambda tx: tx.hold_webhook(OTHER, "a", moment(0), moment(1)))


def test_an_update_does_not_touch_who_holds_a_webhook(store: Store) -> None:
    keep(store)
    store.write(lambda tx: tx.hold_webhook(HOOK, "a", moment(0), moment(10)))
    store.write(lambda tx: tx.update_webhook(make_webhook(url="https://new.example.org")))

    assert not store.write(lambda tx: tx.hold_webhook(HOOK, "b", moment(5), moment(15)))


def test_a_delivery_comes_back_as_it_was(store: Store) -> None:
    dead = make_delivery(
        3, state=DeliveryState.DEAD, tries=10, status=500, error="answered 500", ended_at=moment(8)
    )
    keep(store, make_delivery(2))
    store.write(lambda tx: tx.insert_deliveries([dead]))

    assert store.read(lambda tx: tx.get_delivery(HOOK, dead.id)) == dead
    with pytest.raises(NotFound):
        store.read(lambda tx: tx.get_delivery(OTHER, dead.id))
    with pytest.raises(ValueError, match="exists already"):
        store.write(lambda tx: tx.insert_deliveries([dead]))


def test_deliveries_are_listed_newest_first_in_pages_and_by_state(store: Store) -> None:
    dead = make_delivery(4, state=DeliveryState.DEAD, ended_at=moment(1))
    keep(store, *(make_delivery(position) for position in (1, 2, 3)), dead)

    assert [found.position for found in all_of(store, limit=2)] == [4, 3]
    assert [found.position for found in all_of(store, before=3)] == [2, 1]
    assert all_of(store, state=DeliveryState.DEAD) == [dead]
    counts = store.read(lambda tx: tx.count_deliveries(HOOK))
    assert counts == {DeliveryState.WAITING: 3, DeliveryState.DEAD: 1}


def test_due_is_what_waits_and_whose_time_has_come_in_order(store: Store) -> None:
    keep(
        store,
        make_delivery(3, run=2),
        make_delivery(1),
        make_delivery(2, run=2, state=DeliveryState.DELIVERED, ended_at=moment(0)),
        make_delivery(9, run=3, due_s=50),
        make_delivery(4, of=OTHER),
        webhooks=(HOOK, OTHER),
    )

    assert due(store, 0) == [1, 3]
    assert due(store, 0, limit=1) == [1]
    assert due(store, 50) == [1, 3, 9]
    assert store.read(lambda tx: tx.due_webhooks(moment(0))) == [HOOK, OTHER]
    assert store.read(lambda tx: tx.due_webhooks(moment(-1))) == []


def test_an_event_waits_for_an_earlier_one_of_its_run(store: Store) -> None:
    keep(store, make_delivery(1, due_s=20), make_delivery(2), make_delivery(3, run=2))

    assert due(store, 5) == [3]
    assert due(store, 20) == [1, 2, 3]


def test_a_receiver_that_is_left_alone_has_nothing_due_before_then(store: Store) -> None:
    keep(store, make_delivery(1), make_delivery(2, due_s=90))

    store.write(lambda tx: tx.postpone_deliveries(HOOK, moment(30)))

    assert [found.next_at for found in all_of(store)] == [moment(90), moment(30)]
    assert due(store, 29) == []


def test_what_is_buried_can_be_revived_and_is_due_at_once(store: Store) -> None:
    delivered = make_delivery(2, state=DeliveryState.DELIVERED, ended_at=moment(1))
    keep(store, make_delivery(1, due_s=90, tries=4), delivered)

    store.write(lambda tx: tx.bury_deliveries(HOOK, moment(5), "gone"))
    (_, buried) = all_of(store)
    assert (buried.state, buried.error, buried.ended_at) == (DeliveryState.DEAD, "gone", moment(5))

    assert store.write(lambda tx: tx.revive_deliveries(HOOK, moment(6), moment(60))) == 1
    assert all_of(store) == [
        delivered,
        make_delivery(1, due_s=6, error="gone", give_up_at=moment(60)),
    ]


def test_what_ended_long_ago_is_forgotten(store: Store) -> None:
    old = make_delivery(1, state=DeliveryState.DELIVERED, ended_at=moment(1))
    young = make_delivery(2, state=DeliveryState.DELIVERED, ended_at=moment(9))
    dead = make_delivery(3, state=DeliveryState.DEAD, ended_at=moment(1))
    keep(store, old, young, dead, make_delivery(4))

    store.write(lambda tx: tx.forget_deliveries(DeliveryState.DELIVERED, moment(1) + timedelta(seconds=5)))

    assert [found.position for found in all_of(store)] == [4, 3, 2]


def test_an_update_of_a_delivery_that_is_gone_is_quiet(store: Store) -> None:
    keep(store)
    store.write(lambda tx: tx.update_delivery(make_delivery(1)))

    assert all_of(store) == []
