"""Copy all rows of a store into another, empty one: all of them or none.

Both sides are read back, and must have the same rows: their number and a hash over them, table by table, are compared
before the copy is committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from headway.domain.errors import Conflict, InvalidInput, StoreUnavailable
from headway.store.opening import make_engines, migrate, parse_url, reading, require_newest
from headway.store.tables import counters, metadata

_BATCH = 500


@dataclass(frozen=True)
class Copied:
    """One table, the same on both sides."""

    table: str
    rows: int
    sha256: str  # over all rows in the order of their key


def copy_store(source: str, target: str) -> list[Copied]:
    """Copy every table; the source is only read. Who writes to it meanwhile is not copied: stop the server first.

    Raises NotFound without a source, Conflict for a target that is not empty, InvalidInput, StoreUnavailable.
    """
    if parse_url(source) == parse_url(target):
        raise InvalidInput("--to", "(not shown)", "it is the store itself", remedy="Name an empty database")
    require_newest(source)
    writer, reader = make_engines(parse_url(target))
    try:
        with reading(source) as old, writer.begin() as new:
            migrate(new)
            _require_empty(new)
            return [_copy(table, old, new) for table in metadata.sorted_tables]
    except ValueError as error:
        raise StoreUnavailable(f"nothing was copied: {error}") from error
    except DBAPIError as error:
        raise StoreUnavailable(f"nothing was copied: {error.orig}") from error
    finally:
        writer.dispose()
        reader.dispose()


def _require_empty(new: Connection) -> None:
    """A new database has rows in `counters` alone, all of them 0."""
    for table in metadata.sorted_tables:
        rows = select(func.count()).select_from(table)
        if table is counters:
            rows = rows.where(counters.c.value != 0)
        if new.execute(rows).scalar_one():
            raise Conflict(f"the target is not empty: there are rows in {table.name}. Make a new database")
    new.execute(delete(counters))


def _copy(table: Table, old: Connection, new: Connection) -> Copied:
    digest, count = hashlib.sha256(), 0
    for batch in _batches(table, old):
        new.execute(insert(table), batch)
        count += len(batch)
        _digest(digest, batch)
    arrived, arrived_count = hashlib.sha256(), 0
    for batch in _batches(table, new):
        arrived_count += len(batch)
        _digest(arrived, batch)
    if (count, digest.digest()) != (arrived_count, arrived.digest()):
        raise StoreUnavailable(
            f"nothing was copied: {table.name} has {count} rows, {arrived_count} have arrived or some differ"
        )
    return Copied(table.name, count, digest.hexdigest())


def _batches(table: Table, connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """All rows by their key, at most so many in memory at a time."""
    query = select(table).order_by(*table.primary_key.columns)
    rows = connection.execute(query, execution_options={"yield_per": _BATCH}).mappings()
    for part in rows.partitions(_BATCH):
        yield [{name: _plain(value) for name, value in row.items()} for row in part]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _digest(digest: Any, batch: list[dict[str, Any]]) -> None:
    for row in batch:
        digest.update(repr(list(row.values())).encode())
