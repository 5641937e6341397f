"""Open the store that a URL names: connect, migrate, prepare."""

from __future__ import annotations

import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from headway.domain.errors import InvalidInput, StoreUnavailable
from headway.ports import Store
from headway.store.memory import MemoryStore
from headway.store.sql import SqlStore

SCHEMA = "0001"  # the newest migration; a test holds that it is

_BUSY_MS = 5_000
_WRITE = "headway_write"


def open_store(url: str) -> Store:
    """The store of a SQLAlchemy URL (`sqlite:///…`, `postgresql+psycopg://…`), or `memory:`.

    Raises InvalidInput for a URL that cannot be used, StoreUnavailable when the database does not answer.
    """
    if url == "memory:":
        return MemoryStore()
    writer, reader = make_engines(_parse(url))
    try:
        with writer.begin() as connection:
            migrate(connection)
    except DBAPIError as error:
        raise StoreUnavailable(f"the database cannot be opened: {error.orig}") from error
    return SqlStore(writer, reader)


def make_engines(url: URL) -> tuple[Engine, Engine]:
    """(for writing, for reading). The reading one refuses to write."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True), create_engine(
            url, pool_pre_ping=True, execution_options={"postgresql_readonly": True}
        )
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    writer = create_engine(url, execution_options={_WRITE: True}, pool_size=1, max_overflow=0)
    reader = create_engine(url, pool_size=8, max_overflow=40)
    for engine in (writer, reader):
        event.listen(engine, "connect", _prepare_reader if engine is reader else _prepare_writer)
        event.listen(engine, "begin", _begin)
    return writer, reader


def migrate(connection: Connection) -> None:
    """Bring a database to the newest schema; quick when it is there. StoreUnavailable for one that is newer still."""
    found = _schema_of(connection)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        raise StoreUnavailable(
            f"the database has schema {found}, this version knows {SCHEMA}: upgrade Headway"
        )
    import_module("headway.store.migrate").upgrade(connection)  # Alembic is slow to import and seldom needed


def _schema_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = "Use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
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
