"""What every store promises of the queue, of slots and of leases."""

from __future__ import annotations

from headway.domain.runs import Run
from headway.ports import SlotUse, Store
from tests.factories import make_run, make_spec, moment, run_id


def _insert(store: Store, *runs: Run) -> None:
    store.write(lambda tx: [tx.insert_run(run) for run in runs])


def _enqueue(store: Store, *runs: Run) -> None:
    _insert(store, *runs)
    store.write(lambda tx: [tx.enqueue(run) for run in runs])


def test_the_queue_is_ordered_by_priority_and_then_by_age(store: Store) -> None:
    urgent = make_run(3, spec=make_spec(priority=5))
    _enqueue(store, make_run(2), make_run(1), urgent)

    order = [run_id(3), run_id(1), run_id(2)]
    assert store.read(lambda tx: tx.queued(10)) == order
    assert store.read(lambda tx: tx.queued(1)) == order[:1]
    assert [store.read(lambda tx, r=r: tx.queue_position(r)) for r in order] == [0, 1, 2]  # type: ignore[misc]
    assert store.read(lambda tx: tx.queue_length()) == 3


def test_a_place_in_a_long_queue_is_counted_from_either_end(store: Store) -> None:
    runs = [make_run(number, spec=make_spec(priority=number % 3)) for number in range(1, 2101)]
    _enqueue(store, *runs)
    order = store.read(lambda tx: tx.queued(3000))

    for place in (0, 5, 700, 1050, 1099, 1100, 1101, 1400, 2099):
        assert store.read(lambda tx, i=order[place]: tx.queue_position(i)) == place  # type: ignore[misc]
    assert store.read(lambda tx: tx.queue_position(run_id(9999))) is None


def test_leaving_the_queue_moves_the_others_up(store: Store) -> None:
    _enqueue(store, make_run(1), make_run(2))
    store.write(lambda tx: (tx.enqueue(make_run(1)), tx.dequeue(run_id(1)), tx.dequeue(run_id(1))))

    assert store.read(lambda tx: tx.queue_position(run_id(1))) is None
    assert store.read(lambda tx: tx.queue_position(run_id(2))) == 0
    assert store.read(lambda tx: tx.queue_length()) == 1


def test_slots_are_taken_lowest_first_all_or_none(store: Store) -> None:
    _insert(store, make_run(1), make_run(2))
    store.write(lambda tx: (tx.set_slots("gpu", 3), tx.set_slots("cpu", 1)))

    assert store.write(lambda tx: tx.claim_slots(run_id(1), "gpu", 2)) == (0, 1)
    assert store.write(lambda tx: tx.claim_slots(run_id(2), "gpu", 2)) is None
    assert store.read(lambda tx: tx.slots())[-1] == SlotUse("gpu", 2, None)

    store.write(lambda tx: tx.free_slots(run_id(1)))
    store.write(lambda tx: tx.free_slots(run_id(1)))
    assert store.write(lambda tx: tx.claim_slots(run_id(2), "gpu", 3)) == (0, 1, 2)


def test_slots_in_use_beyond_a_lower_count_vanish_once_they_are_freed(store: Store) -> None:
    _insert(store, make_run(1), make_run(2))
    store.write(lambda tx: tx.set_slots("cpu", 2))
    store.write(lambda tx: tx.claim_slots(run_id(1), "cpu", 2))

    store.write(lambda tx: tx.set_slots("cpu", 1))
    assert len(store.read(lambda tx: tx.slots())) == 2
    store.write(lambda tx: tx.free_slots(run_id(1)))

    assert store.read(lambda tx: tx.slots()) == [SlotUse("cpu", 0, None)]
    assert store.write(lambda tx: tx.claim_slots(run_id(2), "cpu", 2)) is None


def test_only_the_holder_of_a_lease_extends_it(store: Store) -> None:
    _insert(store, make_run(1))
    store.write(lambda tx: tx.set_lease(run_id(1), "mine", moment(10)))

    assert store.write(lambda tx: tx.extend_lease(run_id(1), "mine", moment(20))) is True
    assert store.write(lambda tx: tx.extend_lease(run_id(1), "other", moment(30))) is False
    assert store.read(lambda tx: tx.find_lease(run_id(1))) == ("mine", moment(20))

    store.write(lambda tx: tx.set_lease(run_id(1), "other", moment(30)))
    assert store.read(lambda tx: tx.find_lease(run_id(1))) == ("other", moment(30))
    store.write(lambda tx: tx.drop_lease(run_id(1)))
    assert store.read(lambda tx: tx.find_lease(run_id(1))) is None
