"""What the store does on PostgreSQL that a file cannot ask of it: several servers, lost connections, strict columns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from headway.control.dispatch import claim_next
from headway.domain.errors import InvalidInput, StaleAttempt, StoreUnavailable
from headway.domain.events import Event, EventKind
from headway.domain.metrics import MetricPoint
from headway.ports import Store, Transaction
from headway.store import opening
from headway.store import postgres as limits
from headway.store.opening import open_store
from headway.store.transaction import SqlTransaction
from tests.factories import make_run, moment, run_id
from tests.fakes.postgres import PostgresServer
from tests.fakes.services import make_services
from tests.waiting import PATIENCE_S


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.make_database()


@pytest.fixture
def stores(url: str) -> Iterator[tuple[Store, Store]]:
    """The stores of two servers of one database."""
    with closing(open_store(url)) as first, closing(open_store(url)) as second:
        yield first, second


def _append(tx: Transaction, number: int) -> int:
    seq = len(tx.events_of(run_id(number), 0, 10_000)) + 1
    return tx.append_event(run_id(number), seq, 1, moment(seq), EventKind.NOTE_LOGGED, {}).position


def _events_after(tx: Transaction, position: int) -> list[Event]:
    return tx.events_after(position, 50)


# several servers


def test_servers_that_start_together_on_an_empty_database_migrate_it_once(postgres: PostgresServer) -> None:
    url = postgres.make_database(like="template0")
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        opened = [stack.enter_context(closing(store)) for store in pool.map(open_store, [url] * 4)]
        for store in opened:
            store.check()


def test_positions_of_two_servers_have_no_gaps_and_come_in_the_order_of_commits(
    stores: tuple[Store, Store],
) -> None:
    stores[0].write(lambda tx: [tx.insert_run(make_run(number)) for number in (1, 2)])
    seen: list[int] = []

    def write(number: int) -> None:
        for _ in range(60):
            stores[number - 1].write(lambda tx: _append(tx, number))

    def follow() -> None:
        while len(seen) < 120:
            after = seen[-1] if seen else 0
            news = stores[1].read(partial(_events_after, position=after))
            seen.extend(event.position for event in news)

    threads = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    threads.append(threading.Thread(target=follow))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == list(range(1, 121))


def test_two_servers_claim_no_run_twice(stores: tuple[Store, Store], tmp_path: Path) -> None:
    services = make_services(tmp_path, cpu_slots=40)
    contexts = [replace(services.context, store=store) for store in stores]
    stores[0].write(lambda tx: tx.set_slots("cpu", 40))
    stores[0].write(lambda tx: [(tx.insert_run(make_run(n)), tx.enqueue(make_run(n))) for n in range(1, 41)])

    def claim_all(number: int) -> list[tuple[str, tuple[int, ...]]]:
        found = []
        while (claim := claim_next(contexts[number], f"server {number}")) is not None:
            found.append((claim.run.id, claim.cpus))
        return found

    with ThreadPoolExecutor(2) as pool:
        claims = [claim for found in pool.map(claim_all, range(2)) for claim in found]

    assert sorted(name for name, _ in claims) == [run_id(number) for number in range(1, 41)]
    assert sorted(slot for _, cpus in claims for slot in cpus) == list(range(40))


def test_of_two_servers_that_move_a_run_one_is_told_that_it_is_late(stores: tuple[Store, Store]) -> None:
    run = make_run()
    stores[0].write(lambda tx: tx.insert_run(run))
    barrier = threading.Barrier(2)

    def move(store: Store) -> bool:
        barrier.wait()
        try:
            store.write(lambda tx: tx.update_run(run.evolve(event_seq=2), expected_seq=1))
        except StaleAttempt:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(move, stores)) == [False, True]


def test_a_server_that_is_stopped_while_it_writes_does_not_stop_the_others(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_IDLE_MS", 200)
    begun, go_on = threading.Event(), threading.Event()

    def stall(tx: Transaction) -> None:
        tx.insert_run(make_run(1))
        begun.set()
        go_on.wait(PATIENCE_S)
        tx.insert_run(make_run(4))

    with (
        closing(open_store(url)) as stopped,
        closing(open_store(url)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        writing = pool.submit(stopped.write, stall)
        begun.wait()

        other.write(lambda tx: tx.insert_run(make_run(2)))

        go_on.set()
        with pytest.raises(StoreUnavailable, match="idle-in-transaction timeout"):
            writing.result()
        stopped.write(lambda tx: tx.insert_run(make_run(3)))
        found = [other.read(lambda tx, n=n: tx.find_run(run_id(n))) for n in (1, 2, 3)]  # type: ignore[misc]
    assert [run is not None for run in found] == [False, True, True]


# lost connections


def test_connections_that_were_lost_at_rest_are_not_noticed(postgres: PostgresServer, url: str) -> None:
    with closing(open_store(url)) as store:
        store.write(lambda tx: tx.insert_run(make_run(1)))
        store.check()

        assert postgres.cut_off(url) == 2

        assert store.read(lambda tx: tx.get_run(run_id(1))) == make_run(1)
        store.write(lambda tx: tx.insert_run(make_run(2)))


def test_a_connection_lost_under_way_is_told_and_undone_and_the_store_heals(
    postgres: PostgresServer, url: str
) -> None:
    def write(tx: Transaction) -> None:
        tx.insert_run(make_run(1))
        postgres.cut_off(url)
        tx.insert_run(make_run(2))

    def read(tx: Transaction) -> None:
        tx.last_position()
        postgres.cut_off(url)
        tx.last_position()

    with closing(open_store(url)) as store:
        with pytest.raises(StoreUnavailable):
            store.write(write)
        assert store.read(lambda tx: tx.find_run(run_id(1))) is None
        with pytest.raises(StoreUnavailable):
            store.read(read)
        store.write(lambda tx: tx.insert_run(make_run(1)))
        assert store.read(lambda tx: tx.get_run(run_id(1))) == make_run(1)


def test_a_connection_lost_before_the_commit_is_told_to_every_writer_of_the_group(
    postgres: PostgresServer, url: str
) -> None:
    with closing(open_store(url)) as store, pytest.raises(StoreUnavailable):
        store.write(lambda tx: (tx.insert_run(make_run(1)), postgres.cut_off(url)))

    with closing(open_store(url)) as store:
        assert store.read(lambda tx: tx.find_run(run_id(1))) is None


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_work_that_the_database_gave_up_for_a_conflict_is_done_again(url: str, state: str) -> None:
    calls: list[int] = []

    def work(tx: Transaction) -> int:
        calls.append(1)
        tx.insert_run(make_run(1))
        if len(calls) < 3:
            _raise_in_database(tx, state)
        return len(calls)

    with closing(open_store(url)) as store:
        assert store.write(work) == 3
        assert store.read(lambda tx: tx.get_run(run_id(1))) == make_run(1)


def test_a_conflict_that_does_not_end_is_told(url: str) -> None:
    with closing(open_store(url)) as store, pytest.raises(StoreUnavailable, match="conflict"):
        store.write(lambda tx: _raise_in_database(tx, "40001"))


def _raise_in_database(tx: Transaction, state: str) -> None:
    assert isinstance(tx, SqlTransaction)
    tx._db.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '{state}'; END $$"))


# what differs from a file


@pytest.mark.parametrize("name", ["nul \x00", "n" * 201])
def test_a_value_that_no_column_holds_falls_alone(url: str, name: str) -> None:
    with closing(open_store(url)) as store:
        store.write(lambda tx: tx.insert_run(make_run()))
        with pytest.raises(ValueError, match="cannot keep"):
            store.write(lambda tx: tx.append_points(run_id(1), 1, [MetricPoint(name, 1, 1.0, moment(1))]))

        store.write(lambda tx: tx.append_points(run_id(1), 1, [MetricPoint("loss", 1, 1.0, moment(1))]))
        assert store.read(lambda tx: tx.series_names(run_id(1))) == ["loss"]


def test_text_is_sorted_by_its_bytes_whatever_the_language_of_the_database(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        connection.execute(
            "CREATE DATABASE swedish TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv' LOCALE 'C.UTF-8'"
        )
    names = ["Z/a", "a/B", "a/b", "a_b", "b", "Ä", "Ö"]
    with closing(open_store(postgres.url("swedish"))) as store:
        store.write(lambda tx: tx.insert_run(make_run()))
        points = [MetricPoint(name, 1, 1.0, moment(1)) for name in reversed(names)]
        store.write(lambda tx: tx.append_points(run_id(1), 1, points))
        assert store.read(lambda tx: tx.series_names(run_id(1))) == sorted(names)


def test_commits_are_synced_even_where_the_database_would_not(postgres: PostgresServer, url: str) -> None:
    name = url.partition("@/")[2].partition("?")[0]
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with closing(open_store(url)) as store:
        assert store.write(_synchronous_commit) == "on"


def _synchronous_commit(tx: Transaction) -> str:
    assert isinstance(tx, SqlTransaction)
    return str(tx._db.execute(text("SHOW synchronous_commit")).scalar())


# opening


def test_a_url_needs_no_driver(url: str) -> None:
    for scheme in ("postgresql", "postgres"):
        open_store(url.replace("postgresql+psycopg", scheme)).close()


def test_a_database_of_a_newer_version_is_left_alone(postgres: PostgresServer, url: str) -> None:
    with postgres.connect(url.partition("@/")[2].partition("?")[0]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="upgrade Headway"):
        open_store(url)


def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match="no_such_database"):
        open_store(postgres.url("no_such_database"))


def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "with_driver", lambda url: url.set(drivername="postgresql+pg8000"))
    with pytest.raises(InvalidInput, match=r"headway\[postgres\]"):
        open_store("postgresql://somewhere/x")
