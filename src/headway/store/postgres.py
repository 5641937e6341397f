"""What PostgreSQL needs besides SQL: one writer at a time over all servers, snapshots, and no connection that hangs.

All servers of a database take the same advisory lock before they write. So each of them writes as if it were alone, as
with SQLite: what is read before a write still holds when it is written, positions have no gaps and rise in the order of
commits, and nothing has to be tried again because another server was faster. Commits in groups keep the lock short.
"""

from __future__ import annotations

from typing import Any, NoReturn

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError

DRIVER = "postgresql+psycopg"
_DRIVERLESS = {"postgresql", "postgres"}

_WRITERS_LOCK = 0x6865_6164_7761_79  # "headway": any number that all servers agree on
_LOCK_WAIT_MS = 15_000
_IDLE_MS = 5_000
_READERS = 8  # connections; a database allows 100 in all by default
_CONNECT_S = 10

# A host that vanished is noticed in seconds, not after the hours that TCP takes by default.
_NETWORK = {
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def is_postgres(url: URL) -> bool:
    return url.drivername.partition("+")[0] in _DRIVERLESS


def with_driver(url: URL) -> URL:
    """The URL with psycopg where it names no driver, and with limits on waiting for the network."""
    if url.drivername in _DRIVERLESS:
        url = url.set(drivername=DRIVER)
    missing = {name: str(value) for name, value in _NETWORK.items() if name not in url.query}
    return url.update_query_dict(missing)


def connection_arguments(url: URL) -> dict[str, Any]:
    """What `psycopg.connect` takes, for a connection beside those of the engines."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return dict(arguments)


def make_postgres_engines(url: URL) -> tuple[Engine, Engine]:
    """(for writing, for reading). A reader sees one snapshot in all its statements and cannot write."""
    writer = create_engine(
        url, isolation_level="READ COMMITTED", pool_size=1, max_overflow=0, pool_pre_ping=True
    )
    reader = create_engine(
        url,
        isolation_level="REPEATABLE READ",
        pool_size=_READERS,
        max_overflow=_READERS,
        pool_pre_ping=True,
        execution_options={"postgresql_readonly": True},
    )
    event.listen(writer, "connect", _prepare_writer)
    event.listen(writer, "begin", _wait_for_the_other_servers)
    event.listen(writer, "handle_error", _refuse_value)
    return writer, reader


def _prepare_writer(connection: Any, _record: Any) -> None:
    """A server that is stopped within a transaction loses it, and with it the lock: the others go on."""
    connection.autocommit = True
    connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")
    connection.execute(f"SET lock_timeout = {_LOCK_WAIT_MS}")
    # Every commit is on the disk when it is answered, whatever the database does by default.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = False


def _wait_for_the_other_servers(connection: Connection) -> None:
    """READ COMMITTED: statements after the lock see all that its last holder has committed."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")


def _refuse_value(context: ExceptionContext) -> None:
    """A value that no column can hold is a fault of the work that brought it, not of the database."""
    if isinstance(context.sqlalchemy_exception, DataError):
        _raise_refusal(context)


def _raise_refusal(context: ExceptionContext) -> NoReturn:
    raise ValueError(f"the database cannot keep this value: {context.original_exception}")
