"""How SQLite finds a page of runs: along the index of the order asked for, whatever the list is filtered by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, make_url

from headway.domain.states import ACTIVE, State
from headway.ports import RunFilter, RunSort, SortBy
from headway.store.listing import list_rows
from headway.store.opening import make_engines, migrate
from headway.store.session import Session
from tests.factories import moment

_STATES = (None, frozenset({State.FAILED}), ACTIVE)
_ENGINES = (None, frozenset({"ppo"}))
_SINCE = (None, moment(5))


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "headway.db"
    writer, reader = make_engines(make_url(f"sqlite:///{path}"))
    with writer.begin() as connection:
        migrate(connection)
    with reader.connect() as connection:
        yield connection
    writer.dispose()
    reader.dispose()


@pytest.mark.parametrize("by", list(SortBy))
def test_no_filter_makes_a_list_sort_runs_or_read_their_records(connection: Connection, by: SortBy) -> None:
    sort = RunSort(by, "sharpe" if by is SortBy.METRIC else "")
    asked = [
        RunFilter(states=states, engines=engines, created_from=since, sort=sort)
        for states, engines, since in product(_STATES, _ENGINES, _SINCE)
        # Of several states in order of creation each has an index, and there is one for all: SQLite's choice.
        if not (by is SortBy.CREATED and states is ACTIVE)
    ]

    plans = {str(which): _plan(connection, which) for which in asked}

    assert [each for plan in plans.values() for each in plan if "TEMP B-TREE" in each] == []
    reading = [each for plan in plans.values() for each in plan if each.startswith(("SCAN", "SEARCH"))]
    assert [each for each in reading if "COVERING INDEX" not in each] == []
    assert len(reading) == len(asked)


def _plan(connection: Connection, which: RunFilter) -> list[str]:
    """What SQLite says of the statement that finds the page."""
    sent: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, text: str, values: object, _context: object, _many: bool) -> None:
        sent.append((text, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        list_rows(Session(connection), which)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    text, values = next(each for each in sent if each[0].startswith("SELECT"))
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)  # type: ignore[arg-type]
    return [str(row[3]) for row in rows]
