"""Statements on a connection: those of a fixed shape go to the driver as text that was compiled once.

SQLAlchemy compiles, connects and pools; its way from a compiled statement to the driver and back costs ten times what
SQLite takes to run it. What is built for one call, as a list with filters is, goes through SQLAlchemy as usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Executable, Insert, Select, Update
from sqlalchemy.exc import DBAPIError

Statement = Select[Any] | Insert | Update | Delete
Values = Mapping[str, Any]


@dataclass(frozen=True)
class _Prepared:
    """The text of a statement, and the parameters in it that are the same at every call."""

    text: str
    fixed: dict[str, Any]


@dataclass
class Session:
    """A connection within a transaction; `changed` once anything may have been written, or a statement has failed."""

    connection: Connection
    changed: bool = False
    _driver: Any = field(init=False)  # the driver's own connection, as DB-API 2.0 and `execute` have it

    def __post_init__(self) -> None:
        self._driver = self.connection.connection.dbapi_connection

    @property
    def on_sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    def run(self, statement: Statement, values: Values) -> Any:
        """Run a statement of fixed shape, all of whose parameters are named in it; the driver's cursor.

        Raises DBAPIError, and ValueError for a value that no column can hold.
        """
        prepared = _prepare(statement, self.connection.dialect)
        self.changed = self.changed or not statement.is_select
        try:
            return self._driver.execute(prepared.text, {**prepared.fixed, **values})
        except self.connection.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            self.changed = True
            self._raise(prepared.text, error)

    def run_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        """As `run`, once for each row; no row takes no time.

        Not by `executemany`: psycopg sends that as a pipeline, after which PostgreSQL does not end a transaction that
        stays idle, so that a server stopped in it would hold up all others.
        """
        for row in rows:
            self.run(statement, row)

    def scalar(self, statement: Statement, values: Values) -> Any:
        """The first column of the first row, None when there is none."""
        row = self.run(statement, values).fetchone()
        return None if row is None else row[0]

    def execute(
        self, statement: Executable, values: Values | Sequence[Values] | None = None
    ) -> CursorResult[Any]:
        """Run a statement that was built for this call."""
        self.changed = self.changed or not statement.is_select
        return self.connection.execute(statement, values)

    def _raise(self, text: str, error: Exception) -> NoReturn:
        """As SQLAlchemy would have raised it."""
        dialect: Any = self.connection.dialect
        dbapi = dialect.dbapi
        if isinstance(error, dbapi.DataError):
            raise ValueError(f"the database cannot keep this value: {error}") from error
        if dialect.is_disconnect(error, self._driver, None):
            self.connection.invalidate(error)  # nothing is rolled back: that would fail too, and hide why
        raise DBAPIError.instance(text, None, error, dbapi.Error) from error


@lru_cache(maxsize=256)
def _prepare(statement: Statement, dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    return _Prepared(str(compiled), fixed)
