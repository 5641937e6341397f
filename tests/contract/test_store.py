"""What every store promises, whatever keeps its rows."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, cast

import pytest

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.errors import NotFound, StaleAttempt, StoreUnavailable
from headway.domain.events import EventKind
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import LogCursor, Reply, RunFilter, Store, Transaction
from headway.store.memory import MemoryStore
from headway.store.opening import SCHEMA
from tests.contract.paging import page_through
from tests.factories import make_run, make_spec, moment, run_id


def _insert(store: Store, *runs: Run) -> None:
    store.write(lambda tx: [tx.insert_run(run) for run in runs])


def _enqueue(store: Store, *runs: Run) -> None:
    _insert(store, *runs)
    store.write(lambda tx: [tx.enqueue(run) for run in runs])


def _ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]


# runs


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    result = Result(
        Reason.COMPLETED,
        {"sharpe": 1.5, "trades": None},
        {"windows": [1, 2]},
        (Artifact("a", "model", 3, "ff"),),
    )
    run = make_run(
        state=State.DONE,
        attempt=2,
        started_at=moment(5),
        finished_at=moment(9),
        reason=Reason.COMPLETED,
        contact_lost_since=moment(7),
        progress=Progress(1.0, "complete", step=10, eta_s=0.0),
        latest={"train/loss": 0.25},
        result=result,
        spent_s=4.5,
    )

    _insert(store, run)

    assert store.read(lambda tx: tx.get_run(run.id)) == run


def test_an_id_names_one_run(store: Store) -> None:
    _insert(store, make_run())
    with pytest.raises(ValueError, match="exists already"):
        _insert(store, make_run())


def test_a_run_that_is_not_there_is_not_found(store: Store) -> None:
    assert store.read(lambda tx: tx.find_run(run_id(9))) is None
    with pytest.raises(NotFound):
        store.read(lambda tx: tx.get_run(run_id(9)))


def test_a_run_that_moved_on_is_not_overwritten(store: Store) -> None:
    run = make_run()
    _insert(store, run)
    moved = run.evolve(state=State.PREFLIGHT, event_seq=2)
    store.write(lambda tx: tx.update_run(moved, expected_seq=1))

    with pytest.raises(StaleAttempt):
        store.write(lambda tx: tx.update_run(run.evolve(event_seq=2), expected_seq=1))
    with pytest.raises(NotFound):
        store.write(lambda tx: tx.update_run(make_run(5), expected_seq=1))

    assert store.read(lambda tx: tx.get_run(run.id)) == moved


def test_touching_a_run_changes_its_progress_alone(store: Store) -> None:
    run = make_run(state=State.TRAINING, attempt=1, error=None)
    _insert(store, run)
    touched = run.evolve(
        progress=Progress(0.5), latest={"a/b": 1.0}, best={"a/b": 2.0}, error="not to be stored"
    )

    store.write(lambda tx: tx.touch_run(touched))

    assert store.read(lambda tx: tx.get_run(run.id)) == touched.evolve(error=None)


@pytest.mark.parametrize(
    "stored", [{"attempt": 2, "state": State.TRAINING}, {"attempt": 1, "state": State.DONE}]
)
def test_a_late_attempt_cannot_touch_a_run(store: Store, stored: dict[str, Any]) -> None:
    _insert(store, make_run(**stored))
    with pytest.raises(StaleAttempt):
        store.write(lambda tx: tx.touch_run(make_run(attempt=1)))


def test_runs_are_listed_newest_first_and_paged_without_gaps(store: Store) -> None:
    runs = [make_run(number, created_at=moment(number // 2)) for number in range(1, 8)]
    _insert(store, *runs)

    assert page_through(store, RunFilter(limit=3)) == [run_id(number) for number in range(7, 0, -1)]


def test_runs_are_filtered_and_counted(store: Store) -> None:
    _insert(
        store,
        make_run(1),
        make_run(2, state=State.DONE),
        make_run(3, spec=make_spec(origin="real-session")),
        make_run(4, spec=make_spec(engine="lora")),
    )

    def found(which: RunFilter) -> list[str]:
        rows, count = store.read(lambda tx: (tx.list_runs(which), tx.count_runs(which)))
        assert len(rows.runs) == count
        return _ids(rows.runs)

    assert found(RunFilter()) == [run_id(n) for n in (4, 3, 2, 1)]
    assert found(RunFilter(engines=frozenset({"lora"}))) == [run_id(4)]
    assert found(RunFilter(origin="jobs", engines=frozenset({"ppo"}))) == [run_id(2), run_id(1)]
    assert found(RunFilter(states=frozenset({State.DONE}))) == [run_id(2)]
    assert found(RunFilter(states=frozenset())) == []


def test_active_runs_are_those_under_way_oldest_first(store: Store) -> None:
    states = [State.TRAINING, State.QUEUED, State.PREFLIGHT, State.DONE, State.EVALUATING]
    _insert(store, *(make_run(number, state=state) for number, state in enumerate(states, 1)))

    assert _ids(store.read(lambda tx: tx.active_runs())) == [run_id(n) for n in (1, 3, 5)]


def test_the_newest_done_run_of_a_series_is_the_last_that_finished(store: Store) -> None:
    done = {"state": State.DONE}
    _insert(
        store,
        make_run(1, finished_at=moment(30), **done),
        make_run(2, finished_at=moment(20), **done),
        make_run(3, finished_at=moment(40), series="other", **done),
        make_run(4, finished_at=moment(50), state=State.FAILED),
    )

    newest = store.read(lambda tx: tx.newest_done("ppo", "BTC|1h|1.1"))

    assert newest is not None
    assert newest.id == run_id(1)
    assert store.read(lambda tx: tx.newest_done("ppo", "none")) is None


def test_creation_times_are_those_of_one_owner_newest_first(store: Store) -> None:
    _insert(store, *(make_run(n) for n in range(1, 5)), make_run(9, owner="owner-b"))

    times = store.read(lambda tx: tx.creation_times("owner-a", moment(2), 2))

    assert times == [moment(4), moment(3)]


# idempotency


def test_a_reply_is_kept_once_for_each_owner_and_key(store: Store) -> None:
    reply = Reply(run_id(1), "ab" * 32, {"jobId": run_id(1)}, moment(1))
    _insert(store, make_run(1))
    store.write(lambda tx: tx.insert_reply("owner-a", "key", reply))

    with pytest.raises(ValueError, match="taken"):
        store.write(lambda tx: tx.insert_reply("owner-a", "key", reply))

    assert store.read(lambda tx: tx.find_reply("owner-a", "key")) == reply
    assert store.read(lambda tx: tx.find_reply("owner-b", "key")) is None


# events


def _append(tx: Transaction, number: int, seq: int) -> int:
    event = tx.append_event(run_id(number), seq, 1, moment(seq), EventKind.NOTE_LOGGED, {"text": "é"})
    return event.position


def test_events_are_numbered_within_the_run_and_over_all_runs(store: Store) -> None:
    _insert(store, make_run(1), make_run(2))
    positions = store.write(lambda tx: [_append(tx, n, s) for n, s in ((1, 1), (2, 1), (1, 2))])

    assert positions == [1, 2, 3]
    assert [event.seq for event in store.read(lambda tx: tx.events_of(run_id(1), 0, 10))] == [1, 2]
    assert [event.seq for event in store.read(lambda tx: tx.events_of(run_id(1), 1, 10))] == [2]
    assert [event.position for event in store.read(lambda tx: tx.events_after(1, 1))] == [2]
    assert store.read(lambda tx: tx.last_position()) == 3
    assert store.read(lambda tx: tx.events_after(0, 1))[0].data == {"text": "é"}


def test_what_is_undone_leaves_no_gap_between_events(store: Store) -> None:
    _insert(store, make_run(1))
    store.write(lambda tx: _append(tx, 1, 1))

    def fail(tx: Transaction) -> None:
        _append(tx, 1, 2)
        raise RuntimeError("after the event")

    with pytest.raises(RuntimeError):
        store.write(fail)
    with pytest.raises(ValueError, match="exists already"):
        store.write(lambda tx: _append(tx, 1, 1))

    assert store.write(lambda tx: _append(tx, 1, 2)) == 2


def test_a_cursor_of_the_outbox_never_moves_back(store: Store) -> None:
    assert store.read(lambda tx: tx.find_cursor("reader")) is None
    for position in (3, 5, 4):
        store.write(lambda tx, p=position: tx.set_cursor("reader", p))  # type: ignore[misc]

    assert store.read(lambda tx: tx.find_cursor("reader")) == 5


# logs, metrics, files


def test_the_cursor_of_a_log_only_goes_forward(store: Store) -> None:
    _insert(store, make_run(1))
    assert store.read(lambda tx: tx.log_cursor(run_id(1), 1)) == LogCursor(0, 0)
    store.write(lambda tx: tx.set_log_cursor(run_id(1), 1, LogCursor(100, 7)))

    for cursor in (LogCursor(99, 8), LogCursor(200, 6)):
        with pytest.raises(StaleAttempt):
            store.write(lambda tx, c=cursor: tx.set_log_cursor(run_id(1), 1, c))  # type: ignore[misc]

    assert store.read(lambda tx: tx.log_cursor(run_id(1), 1)) == LogCursor(100, 7)
    assert store.read(lambda tx: tx.log_cursor(run_id(1), 2)) == LogCursor(0, 0)


def test_files_are_kept_once_by_path_and_checkpoints_are_newest_first(store: Store) -> None:
    _insert(store, make_run(1))
    old, new = Artifact("m.zip", "model", 1, "aa"), Artifact("m.zip", "model", 2, "bb")
    steps = [Checkpoint(f"checkpoints/{step}", step, 10, "cc") for step in (5, 20, 10)]
    store.write(lambda tx: (tx.add_artifact(run_id(1), old), tx.add_artifact(run_id(1), new)))
    store.write(lambda tx: [tx.add_checkpoint(run_id(1), checkpoint) for checkpoint in (*steps, steps[0])])

    assert store.read(lambda tx: tx.artifacts(run_id(1))) == [new]
    assert [c.step for c in store.read(lambda tx: tx.checkpoints(run_id(1)))] == [20, 10, 5]


# transactions


def test_what_fails_is_undone_and_raises_where_it_was_asked_for(store: Store) -> None:
    def fail(tx: Transaction) -> None:
        tx.insert_run(make_run(1))
        assert tx.find_run(run_id(1)) is not None
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        store.write(fail)

    assert store.read(lambda tx: tx.find_run(run_id(1))) is None


def test_many_writers_each_stand_or_fall_alone(store: Store) -> None:
    failures: list[int] = []

    def write(number: int) -> None:
        try:
            store.write(lambda tx: (tx.insert_run(make_run(number)), 1 // (number % 3)))
        except ZeroDivisionError:
            failures.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 61)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(failures) == list(range(3, 61, 3))
    assert store.read(lambda tx: tx.count_runs(RunFilter())) == 40


def test_who_writes_later_has_the_outcome_once_it_is_kept(store: Store) -> None:
    def fail(tx: Transaction) -> None:
        tx.insert_run(make_run(2))
        raise RuntimeError("halfway")

    kept = store.write_later(lambda tx: (tx.insert_run(make_run(1)), "kept")[1])
    undone = store.write_later(fail)
    refused = store.write_later(lambda tx: tx.get_run(run_id(3)))

    assert kept.result() == "kept"
    assert isinstance(undone.exception(), RuntimeError)
    assert isinstance(refused.exception(), NotFound)
    assert not kept.cancel()
    assert _ids(store.read(lambda tx: tx.list_runs(RunFilter()).runs)) == [run_id(1)]


def test_what_fails_beside_others_takes_nothing_of_theirs_with_it(store: Store) -> None:
    """Works that share a commit count events and places in the queue together."""

    def work(tx: Transaction, number: int) -> tuple[int, int | None]:
        run = make_run(number)
        tx.insert_run(run)
        tx.enqueue(run)
        position = _append(tx, number, 1)
        if number % 2:
            raise RuntimeError("after all of it")
        return position, tx.queue_position(run.id)

    later = [store.write_later(partial(work, number=number)) for number in range(1, 21)]

    outcomes = [each.result() for each in later if each.exception() is None]
    assert outcomes == [(number, number - 1) for number in range(1, 11)]
    assert store.read(lambda tx: (tx.last_position(), tx.queue_length())) == (10, 10)
    assert store.write(lambda tx: _append(tx, 2, 2)) == 11


def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises((PermissionError, StoreUnavailable)):
        store.read(lambda tx: tx.insert_run(make_run(1)))

    assert store.read(lambda tx: tx.find_run(run_id(1))) is None


def test_a_store_that_answers_passes_its_check_and_closes_twice(store: Store) -> None:
    store.check()
    store.close()
    store.close()


def test_a_checkpoint_that_is_forgotten_is_gone_and_the_others_stay(store: Store) -> None:
    _insert(store, make_run(1))
    first, second = (Checkpoint(f"checkpoints/{step}", step, 10, "cc") for step in (1, 2))
    store.write(lambda tx: [tx.add_checkpoint(run_id(1), kept) for kept in (first, second)])

    store.write(lambda tx: [tx.remove_checkpoint(run_id(1), first.path) for _ in range(2)])

    assert store.read(lambda tx: tx.checkpoints(run_id(1))) == [second]


# itself


def test_a_store_says_what_it_is_and_how_large(store: Store) -> None:
    facts = store.describe()

    if facts.technology == "memory":
        assert (facts.schema, facts.size_bytes) == (None, None)
    else:
        assert facts.technology in ("SQLite", "PostgreSQL")
        assert facts.schema == SCHEMA
        assert (facts.size_bytes or 0) > 0


def _insert_run(tx: Transaction, *, number: int) -> None:
    tx.insert_run(make_run(number))


def test_work_that_the_database_refuses_fails_alone(store: Store) -> None:
    """A row that no table takes is the fault of who wrote it, and of nobody who commits with it."""
    broken = Artifact("a", cast("str", None), 1, "0")
    waiting = [store.write_later(lambda tx: tx.insert_run(make_run(1)))]
    failing = store.write_later(lambda tx: tx.add_artifact(run_id(1), broken))
    waiting += [store.write_later(partial(_insert_run, number=number)) for number in (2, 3)]

    for each in waiting:
        each.result()
    if not isinstance(store, MemoryStore):
        with pytest.raises(ValueError, match="cannot keep it"):
            failing.result()
    assert store.read(lambda tx: tx.get_run(run_id(3))).id == run_id(3)
