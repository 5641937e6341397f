"""Look at a whole store: is the database sound, do its tables agree, are the files of the runs there?

Reading alone, of one snapshot, also beside a server. Nothing is migrated and nothing mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DatabaseError, OperationalError

from headway.domain.errors import StoreUnavailable
from headway.store import check_files, check_runs, check_series, statements
from headway.store.findings import RESTORE, Finding, Report
from headway.store.opening import SCHEMA, reading, schema_of
from headway.store.tables import artifacts, blocks, checkpoints, counters, events, metadata, runs, series

_COUNTED = (runs, events, series, blocks, artifacts, checkpoints)


def check_store(url: str, runs_dir: Path | None, *, deep: bool = False) -> Report:
    """Check a database and, with a folder of runs, the files that it names; `deep` hashes every one of them.

    Raises NotFound where there is no database, InvalidInput for a URL that cannot be used, StoreUnavailable.
    """
    # Folders first: one that is made while we look belongs to a run that the snapshot does not know yet.
    folders = check_files.list_folders(runs_dir) if runs_dir else {}
    with reading(url) as connection:
        try:
            broken = [*_check_schema(connection)] or [*_check_database(connection)]
            if broken:
                return Report(broken, {})
            findings = [*_check_tables(connection)]
            if runs_dir is not None:
                findings += check_files.check_files(connection, runs_dir, folders, deep=deep)
            return Report(findings, _count(connection))
        except OperationalError as error:
            raise StoreUnavailable(f"the database does not answer: {error.orig}") from error
        except DatabaseError as error:  # SQLite gives up on a page that it cannot make sense of
            return Report([Finding("database", "integrity", str(error.orig), RESTORE)], {})


def _check_tables(connection: Connection) -> Iterator[Finding]:
    yield from _check_parents(connection)
    yield from _check_positions(connection)
    yield from check_runs.check_runs(connection)
    yield from check_runs.check_holders(connection)
    yield from check_series.check_series(connection)


def _check_schema(connection: Connection) -> Iterator[Finding]:
    found = schema_of(connection)
    if found == SCHEMA:
        return
    if found is None:
        remedy = "start the server once: it makes them"
    elif found > SCHEMA:
        remedy = "use the version of Headway that wrote it, or a newer one"
    else:
        remedy = "make a backup, then start the server once: it migrates"
    yield Finding(
        "database", "schema", f"it is {found or 'without tables'}, this version has {SCHEMA}", remedy
    )


def _check_database(connection: Connection) -> Iterator[Finding]:
    """What the database says of itself."""
    if connection.dialect.name == "sqlite":
        told = connection.execute(text("PRAGMA integrity_check")).scalars().all()
        found = [line for line in told if line != "ok"]
    else:
        weak = text("SELECT conname FROM pg_constraint WHERE NOT convalidated")
        found = [
            f"the constraint {name} does not hold for all rows" for name in connection.execute(weak).scalars()
        ]
    for line in found:
        yield Finding("database", "integrity", line, RESTORE)


def _check_parents(connection: Connection) -> Iterator[Finding]:
    """Rows that name a row which is not there."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column
            known = select(parent).where(parent == key.parent).exists()
            orphans = select(func.count()).select_from(table).where(key.parent.is_not(None), ~known)
            count = connection.execute(orphans).scalar_one()
            if count:
                found = f"{count} rows name a row of {parent.table.name} that is not there"
                yield Finding("database", table.name, found, RESTORE)


def _check_positions(connection: Connection) -> Iterator[Finding]:
    last = connection.execute(
        select(counters.c.value).where(counters.c.name == statements.POSITION)
    ).scalar_one_or_none()
    bounds = select(func.count(), func.min(events.c.position), func.max(events.c.position))
    count, lowest, highest = connection.execute(bounds).one()
    if (count, lowest or 1, highest or 0) != (last, 1, last):
        found = (
            f"{count} events at positions {lowest} to {highest}, and the counter is {last}: there are gaps"
        )
        yield Finding("events", "positions", found, RESTORE)


def _count(connection: Connection) -> dict[str, int]:
    counted = ((table.name, select(func.count()).select_from(table)) for table in _COUNTED)
    return {name: connection.execute(query).scalar_one() for name, query in counted}
