"""What every store promises of works that share a commit, and of a work that reads what it has just written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from headway.domain.events import EventKind
from headway.domain.runs import Run
from headway.ports import Reply, RunFilter, Store, Transaction
from headway.store.memory import MemoryStore
from tests.contract.together import write_together
from tests.factories import make_run, make_spec, moment, run_id


def _accept(tx: Transaction, run: Run) -> tuple[int | None, int]:
    """Its place in the queue, and the position of its event."""
    tx.insert_run(run)
    event = tx.append_event(run.id, 1, 0, run.created_at, EventKind.RUN_QUEUED, {})
    tx.enqueue(run)
    return tx.queue_position(run.id), event.position


def _answer(tx: Transaction, run: Run) -> str:
    """The run that a key stands for: this one, unless there is one."""
    found = tx.find_reply("owner-a", "key")
    if found is not None:
        return found.run_id
    tx.insert_run(run)
    tx.insert_reply("owner-a", "key", Reply(run.id, "ff", {}, moment(0)))
    return run.id


_READERS: dict[str, tuple[Callable[[Transaction], Any], Any]] = {
    "the run": (lambda tx: tx.get_run(run_id(1)).tags, ("nightly",)),
    "its events": (lambda tx: [event.kind for event in tx.events_of(run_id(1), 0, 10)], [EventKind.RUN_QUEUED]),
    "all events": (lambda tx: [event.position for event in tx.events_after(0, 10)], [1]),
    "the answer": (lambda tx: tx.find_reply("owner-a", "key") is not None, True),
    "the queue": (lambda tx: tx.queued(10), [run_id(1)]),
    "its length": (lambda tx: tx.queue_length(), 1),
    "the newest position": (lambda tx: tx.last_position(), 1),
    "a list": (lambda tx: [run.id for run in tx.list_runs(RunFilter(tag="nightly")).runs], [run_id(1)]),
    "the total of a list": (lambda tx: tx.count_runs(RunFilter(tag="nightly")), 1),
}  # fmt: skip


@pytest.mark.parametrize("what", _READERS)
def test_who_reads_what_it_has_just_written_finds_it(store: Store, what: str) -> None:
    read, expected = _READERS[what]

    def work(tx: Transaction) -> Any:
        _accept(tx, make_run(1, tags=("nightly",)))
        tx.insert_reply("owner-a", "key", Reply(run_id(1), "ff", {}, moment(0)))
        return read(tx)

    assert store.write(work) == expected


def test_places_of_one_commit_follow_priority_and_age_as_if_each_had_its_own(store: Store) -> None:
    plain, urgent = make_spec(), make_spec(priority=5)
    works = [partial(_accept, run=make_run(number, spec=plain)) for number in (1, 2)]
    works += [partial(_accept, run=make_run(3, spec=urgent)), partial(_accept, run=make_run(4, spec=plain))]

    places = [each.result() for each in write_together(store, *works)]

    assert places == [(0, 1), (1, 2), (0, 3), (3, 4)]
    assert store.read(lambda tx: tx.queued(10)) == [run_id(3), run_id(1), run_id(2), run_id(4)]


def test_a_place_is_right_after_the_last_of_the_queue_has_left_it(store: Store) -> None:
    def work(tx: Transaction) -> list[int | None]:
        first, second = _accept(tx, make_run(1))[0], _accept(tx, make_run(2))[0]
        tx.dequeue(run_id(2))
        gone = tx.queue_position(run_id(2))
        return [first, second, gone, _accept(tx, make_run(3))[0], tx.queue_position(run_id(1))]

    assert store.write(work) == [0, 1, None, 1, 0]
    assert store.read(lambda tx: tx.queue_length()) == 2


def test_a_key_that_comes_twice_in_one_commit_stands_for_one_run(store: Store) -> None:
    answers = write_together(store, *(partial(_answer, run=make_run(number)) for number in (1, 2)))

    assert [each.result() for each in answers] == [run_id(1), run_id(1)]
    assert store.read(lambda tx: tx.find_run(run_id(2))) is None


@pytest.mark.parametrize("again", [1, 2])
def test_of_what_is_written_twice_in_one_commit_the_second_fails_and_nothing_else(
    store: Store, again: int
) -> None:
    works = [partial(_accept, run=make_run(number)) for number in (1, 2)]
    works.insert(again, works[0])

    answers = write_together(store, *works)

    with pytest.raises(ValueError, match="exists already"):
        answers.pop(again).result()
    assert [each.result() for each in answers] == [(0, 1), (1, 2)]
    assert store.read(lambda tx: (tx.queued(10), tx.queue_length())) == ([run_id(1), run_id(2)], 2)


def test_who_only_reads_is_not_told_what_is_wrong_with_the_rows_of_another(store: Store) -> None:
    """What waits is inserted before a statement that could see it: there, not where it was written, it is refused."""
    unheard = make_run(2, spec=make_spec(priority=2**70))

    too_large, reader = write_together(
        store, lambda tx: (tx.insert_run(unheard), tx.enqueue(unheard)), lambda tx: tx.queued(10)
    )

    if not isinstance(store, MemoryStore):  # which takes any number
        assert isinstance(too_large.exception(), ValueError | OverflowError)
        assert reader.result() == []
