"""Give the space of removed rows back, and let the database look at its tables anew."""

from __future__ import annotations

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from headway.domain.errors import StoreUnavailable
from headway.store.opening import database_file, parse_url


def compact(url: str, *, alone: bool) -> int | None:
    """Compact a database; the bytes by which its file shrank, None where it was not written anew.

    A SQLite database is written anew, during which nobody can write: beside a server (`alone` False) it is only
    analysed, and its free pages are used again. PostgreSQL does both beside its servers. Raises StoreUnavailable.
    """
    path = database_file(url)
    before = path.stat().st_size if path else 0
    engine = create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in _statements(sqlite=path is not None, alone=alone):
                connection.execute(text(statement))
    except DBAPIError as error:
        raise StoreUnavailable(f"the database cannot be compacted: {error.orig}") from error
    finally:
        engine.dispose()
    return before - path.stat().st_size if path and alone else None


def _statements(*, sqlite: bool, alone: bool) -> list[str]:
    if not sqlite:
        return ["VACUUM (ANALYZE)"]
    return ["VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"] if alone else ["ANALYZE"]
