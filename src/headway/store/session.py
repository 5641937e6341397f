"""Statements on a connection: those of a fixed shape go to the driver as text that was compiled once.

SQLAlchemy compiles, connects and pools; its way from a compiled statement to the driver and back costs ten times what
SQLite takes to run it. What is built for one call, as a list with filters is, goes through SQLAlchemy as usual.

Rows may wait until others of their table can go with them: each statement is a round trip to PostgreSQL, which takes
half again as many submits a second so. SQLite, in the same process, takes no more and no fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from sqlalchemy import (
    Connection,
    CursorResult,
    Delete,
    Dialect,
    Executable,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
)
from sqlalchemy.exc import DBAPIError

from headway.store.tables import metadata

Statement = Select[Any] | Insert | Update | Delete
Values = Mapping[str, Any]

# Rows in one statement: few sizes, so that their texts are compiled and prepared once.
_BULK = (64, 32, 16, 8, 4, 2)
# A row comes after those it points to.
_RANKS = {table: rank for rank, table in enumerate(metadata.sorted_tables)}


@dataclass(frozen=True)
class _Prepared:
    """The text of a statement, and the parameters in it that are the same at every call."""

    text: str
    fixed: dict[str, Any]


@dataclass
class Session:
    """A connection within a transaction; `changed` once anything may have been written, or a statement has failed.

    With `defers`, rows to be inserted may wait: until any statement that could see them, and `settle` at the latest.
    """

    connection: Connection
    defers: bool = False
    changed: bool = False
    _waiting: dict[Table, list[Values]] = field(default_factory=dict)
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
        self.settle()
        return self.run_aside(statement, values)

    def run_aside(self, statement: Statement, values: Values) -> Any:
        """As `run`, of a statement that no row that waits has to do with: they go on waiting."""
        self.changed = self.changed or not statement.is_select
        prepared = _prepare(statement, self.connection.dialect)
        return self._send(prepared.text, {**prepared.fixed, **values})

    def insert(self, table: Table, row: Values) -> None:
        """Insert a row that has all columns, or have it wait: then what is wrong with it is raised by `settle`, and
        by whatever settles before."""
        self.changed = True
        if self.defers:
            self._waiting.setdefault(table, []).append(row)
        else:
            self._insert_all(table, [row])

    def has_waiting(self, table: Table, part: Values) -> bool:
        """Whether a row that waits for a table has these values among its own."""
        return any(part.items() <= row.items() for row in self._waiting.get(table, ()))

    def settle(self) -> None:
        """Insert what waits, many rows at a time.

        Not by `executemany`: psycopg sends that as a pipeline, after which PostgreSQL does not end a transaction that
        stays idle, so that a server stopped in it would hold up all others.
        """
        for table in sorted(self._waiting, key=_RANKS.__getitem__):
            self._insert_all(table, self._waiting[table])
            # Not before: what is refused is refused again, should anybody go on after it.
            del self._waiting[table]

    def scalar(self, statement: Statement, values: Values) -> Any:
        """The first column of the first row, None when there is none."""
        row = self.run(statement, values).fetchone()
        return None if row is None else row[0]

    def execute(
        self, statement: Executable, values: Values | Sequence[Values] | None = None
    ) -> CursorResult[Any]:
        """Run a statement that was built for this call."""
        self.settle()
        self.changed = self.changed or not statement.is_select
        return self.connection.execute(statement, values)

    def _insert_all(self, table: Table, rows: Sequence[Values]) -> None:
        begin = 0
        while begin < len(rows):
            count = next((size for size in _BULK if size <= len(rows) - begin), 1)
            some = rows[begin : begin + count]
            values = {f"b{at}_{name}": value for at, row in enumerate(some) for name, value in row.items()}
            self._send(_compile_insert(table, count, self.connection.dialect), values)
            begin += count

    def _send(self, text: str, values: Values) -> Any:
        try:
            return self._driver.execute(text, values)
        except self.connection.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            self.changed = True
            self._raise(text, error)

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


@lru_cache(maxsize=256)
def _compile_insert(table: Table, count: int, dialect: Dialect) -> str:
    """The text that inserts so many rows; the value of a column of the row number n is `bn_column` in it."""
    rows: list[dict[str, Any]] = [
        {column.name: bindparam(f"b{at}_{column.name}") for column in table.c} for at in range(count)
    ]
    return str(insert(table).values(rows).compile(dialect=dialect))
