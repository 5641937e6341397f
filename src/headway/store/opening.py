"""Open the store that a URL names: connect, migrate, prepare."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from headway.domain.errors import InvalidInput, NotFound, StoreUnavailable
from headway.ports import EventBus, Store
from headway.store.bus import LocalBus
from headway.store.memory import MemoryStore
from headway.store.postgres import connection_arguments, is_postgres, make_postgres_engines, with_driver
from headway.store.sql import SqlStore
from headway.store.tables import counters

SCHEMA = "0008"  # the newest migration; a test holds that it is

_MEMORY = "memory:"
_FOLDER = "folder_id"
_BUSY_MS = 5_000
_WRITE = "headway_write"


def open_store(url: str, *, folder_id: int | None = None, own: bool = False) -> Store:
    """The store of a SQLAlchemy URL (`sqlite:///…`, `postgresql://…`), or `memory:`.

    With the id of a data folder, the database serves servers of that folder alone from then on. A folder's `own`
    database lies in it, and is bound to it wherever it came from.
    Raises InvalidInput for a URL that cannot be used, StoreUnavailable when the database does not answer.
    """
    if url == _MEMORY:
        return MemoryStore()
    writer, reader = make_engines(parse_url(url))
    with ExitStack() as failing:
        failing.callback(writer.dispose)
        failing.callback(reader.dispose)
        try:
            with writer.begin() as connection:
                migrate(connection)
                if folder_id is not None:
                    _bind_to_folder(connection, folder_id, own=own)
        except DBAPIError as error:
            raise StoreUnavailable(f"the database cannot be opened: {error.orig}") from error
        failing.pop_all()
    return SqlStore(writer, reader)


def open_bus(url: str) -> EventBus:
    """The bus that reaches every server of a store. Raises as `open_store` does."""
    if not is_shared(url):
        return LocalBus()
    bus = import_module("headway.store.postgres_bus")  # its driver is an extra
    opened: EventBus = bus.PostgresBus(connection_arguments(parse_url(url)))
    return opened


def is_shared(url: str) -> bool:
    """Whether several servers may work on the store of this URL at the same time."""
    return url != _MEMORY and is_postgres(parse_url(url))


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """(for writing, for reading). The reading one refuses to write."""
    if is_postgres(url):
        return make_postgres_engines(url)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    writer = create_engine(
        url, execution_options={_WRITE: True}, pool_size=1, max_overflow=0, paramstyle="named"
    )
    reader = create_engine(url, pool_size=8, max_overflow=40, paramstyle="named")
    for engine in (writer, reader):
        event.listen(engine, "connect", _prepare_reader if engine is reader else _prepare_writer)
        event.listen(engine, "begin", _begin)
    return writer, reader


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """A snapshot of a database as it lies there: nothing is made, migrated or written.

    Raises NotFound where there is none, InvalidInput for a URL that cannot be used, StoreUnavailable.
    """
    parsed = parse_url(url)
    path = database_file(url)
    if path is not None and not path.is_file():
        raise NotFound(
            f"there is no database {path}: set HEADWAY_DATA_DIR or HEADWAY_DATABASE_URL to where it is"
        )
    writer, reader = make_engines(parsed)
    with ExitStack() as stack:
        stack.callback(writer.dispose)
        stack.callback(reader.dispose)
        try:
            connection = stack.enter_context(reader.connect())
            connection.begin()  # never committed: there is nothing to commit, and on a broken file that fails
            schema_of(connection)  # opens the file, which connecting to SQLite does not
        except DBAPIError as error:
            raise StoreUnavailable(f"the database cannot be opened: {error.orig}") from error
        yield connection


def require_newest(url: str) -> None:
    """StoreUnavailable for a database of an older or a newer schema; NotFound where there is none."""
    with reading(url) as connection:
        found = schema_of(connection)
    if found != SCHEMA:
        raise StoreUnavailable(
            f"the database has schema {found or 'none'}, this command needs {SCHEMA}: "
            "make a backup, then start the server of this version once"
        )


def shown_url(url: str) -> str:
    """A URL for people: without its password."""
    return parse_url(url).set(query={}).render_as_string(hide_password=True)


def database_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another database. InvalidInput for a store that keeps nothing."""
    parsed = parse_url(url)
    if is_postgres(parsed):
        return None
    return Path(parsed.database or "")


def migrate(connection: Connection) -> None:
    """Bring a database to the newest schema; quick when it is there. StoreUnavailable for one that is newer still."""
    found = schema_of(connection)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        raise StoreUnavailable(
            f"the database has schema {found}, this version knows {SCHEMA}: upgrade Headway"
        )
    import_module("headway.store.migrate").upgrade(connection)  # Alembic is slow to import and seldom needed


def _bind_to_folder(connection: Connection, folder_id: int, *, own: bool) -> None:
    """Another folder lacks the directories of the runs: its server would start again what runs already."""
    here = counters.c.name == _FOLDER
    bound_to = connection.execute(select(counters.c.value).where(here)).scalar()
    if bound_to is None:
        connection.execute(insert(counters), {"name": _FOLDER, "value": folder_id})
    elif bound_to != folder_id and own:
        connection.execute(update(counters).where(here).values(value=folder_id))
    elif bound_to != folder_id:
        raise StoreUnavailable(
            f"the database belongs to the data folder whose folder-id is {bound_to}: set HEADWAY_DATA_DIR to that one"
        )


def schema_of(connection: Connection) -> str | None:
    """The schema of a database; None for one without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def parse_url(url: str) -> URL:
    """The URL of a database, with its driver. InvalidInput for one that cannot be used, and for `memory:`."""
    try:
        parsed = make_url(url)
        parsed = with_driver(parsed) if is_postgres(parsed) else parsed
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = "Use sqlite:///PATH or postgresql://USER@HOST/NAME (with pip install 'headway[postgres]')"
        raise InvalidInput("HEADWAY_DATABASE_URL", "(not shown)", str(error), remedy=remedy) from error
    return parsed


def _prepare_writer(connection: sqlite3.Connection, _record: Any) -> None:
    _prepare(connection)
    # Every commit is on the disk when it is answered: FULL syncs the write-ahead log.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _prepare_reader(connection: sqlite3.Connection, _record: Any) -> None:
    _prepare(connection)
    connection.execute("PRAGMA query_only=ON")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, below; sqlite3 must not say it again
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: to take it later, after having read, can fail."""
    writes = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
