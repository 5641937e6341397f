"""The database as a file: its schema, its survival, and what is said when it cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, make_url

from headway.domain.errors import InvalidInput, StoreUnavailable
from headway.domain.events import EventKind
from headway.ports import Transaction
from headway.store.opening import SCHEMA, make_engines, migrate, open_store
from headway.store.sql import SqlStore
from headway.store.tables import metadata
from tests.contract.together import write_together
from tests.factories import make_run, moment, run_id
from tests.fakes.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database(like="template0")


def test_migrating_an_empty_database_gives_the_tables_that_the_code_uses(empty: str) -> None:
    writer, reader = make_engines(make_url(empty))
    with writer.begin() as connection:
        migrate(connection)
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    writer.dispose()
    reader.dispose()

    assert differences == []


def test_the_newest_migration_is_the_schema_that_the_code_names() -> None:
    folder = Path(__file__).parents[2] / "src" / "headway" / "store" / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == SCHEMA


def test_what_was_written_is_there_after_the_file_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'store.db'}"
    first = open_store(url)
    first.write(lambda tx: tx.insert_run(make_run()))
    first.close()

    second = open_store(url)

    assert second.read(lambda tx: tx.get_run(run_id(1))) == make_run()
    second.close()


def test_rows_of_one_commit_go_in_few_statements_each_after_what_it_points_to(tmp_path: Path) -> None:
    """The event of the run that was there comes first, and waits for the runs whose events go with it."""

    def accept(tx: Transaction, number: int) -> None:
        run = make_run(number)
        tx.insert_run(run)
        tx.append_event(run.id, 1, 0, run.created_at, EventKind.RUN_QUEUED, {})
        tx.enqueue(run)
        assert tx.queue_position(run.id) == number - 2

    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(open_store(url)) as store:
        store.write(lambda tx: tx.insert_run(make_run(1)))
    said: list[str] = []
    writer, reader = make_engines(make_url(url))
    event.listen(writer, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    works = [lambda tx: tx.append_event(run_id(1), 1, 0, moment(0), EventKind.RUN_QUEUED, {})]
    works += [partial(accept, number=number) for number in range(2, 10)]

    with closing(SqlStore(writer, reader)) as store:
        outcomes = write_together(store, *works)
        assert [each.exception() for each in outcomes] == [None] * 9

    tables = [statement.split()[2] for statement in said if statement.startswith("INSERT")]
    assert sorted(tables) == ["events", "events", "queue", "run_marks", "runs"]
    assert [statement for statement in said if "SAVEPOINT" in statement] == []


def test_commits_are_synced_to_the_disk(tmp_path: Path) -> None:
    writer, reader = make_engines(make_url(f"sqlite:///{tmp_path / 'store.db'}"))
    with writer.connect() as connection:
        modes = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    writer.dispose()
    reader.dispose()

    assert modes == ["wal", 2]  # 2: FULL


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(StoreUnavailable, match="upgrade Headway"):
        open_store(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("this is a letter, not a database; " * 100)

    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        open_store(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["nonsense", "mongodb://somewhere/x", "oracle9://x"])
def test_a_url_that_names_no_database_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///PATH"):
        open_store(url)


def test_writing_after_the_close_is_refused(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        store.write(lambda tx: tx.last_position())


def test_a_database_serves_the_folder_that_used_it_first_and_a_folder_its_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    open_store(url, folder_id=1).close()
    open_store(url, folder_id=1).close()

    with pytest.raises(StoreUnavailable, match="folder-id is 1: set HEADWAY_DATA_DIR"):
        open_store(url, folder_id=2)

    open_store(url, folder_id=2, own=True).close()  # it was copied there
    with pytest.raises(StoreUnavailable, match="folder-id is 2"):
        open_store(url, folder_id=1)
