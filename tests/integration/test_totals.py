"""Totals of lists: counted once for each version of the lists, however many pages are turned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from headway.ports import RunFilter, RunSort, SortBy
from headway.store import statements
from headway.store.counting import count_rows
from headway.store.opening import make_engines, open_store, parse_url
from headway.store.session import Session
from headway.store.totals import Totals
from tests.factories import make_run, moment


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """For reading a database with three runs."""
    url = f"sqlite:///{tmp_path / 'headway.db'}"
    store = open_store(url)
    store.write(lambda tx: [tx.insert_run(make_run(number, tags=("t",))) for number in range(3)])
    store.close()
    writer, reader = make_engines(parse_url(url))
    yield reader
    writer.dispose()
    reader.dispose()


def test_turning_pages_and_asking_again_count_once(engine: Engine) -> None:
    counted: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    totals = Totals()
    first = RunFilter(tag="t")
    asked = [first, first, RunFilter(tag="t", after=(moment(1).isoformat(), "x"), limit=7),
             RunFilter(tag="t", sort=RunSort(SortBy.NAME, descending=False))]  # fmt: skip

    with engine.begin() as connection:
        found = [count_rows(Session(connection), which, totals) for which in asked]

    assert found == [3, 3, 3, 3]
    assert len([text for text in counted if "count(" in text]) == 1


def test_a_fact_that_leaves_a_run_in_its_state_leaves_totals_as_they_are(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'headway.db'}")
    run = make_run(1)
    versions: list[int] = []

    def note_version() -> None:
        _, reader = make_engines(parse_url(f"sqlite:///{tmp_path / 'headway.db'}"))
        with reader.begin() as connection:
            versions.append(Session(connection).scalar(statements.LIST_VERSION, {}))
        reader.dispose()

    store.write(lambda tx: tx.insert_run(run))
    note_version()
    store.write(lambda tx: tx.update_run(run.evolve(event_seq=2), expected_seq=1))
    note_version()
    store.close()

    assert versions == [1, 1]


def test_only_the_totals_that_were_used_last_are_kept() -> None:
    totals = Totals(most=2)
    a, b, c = (RunFilter(tag=tag) for tag in "abc")
    totals.keep(a, 1, 10)
    totals.keep(b, 1, 20)
    totals.find(a, 1)
    totals.keep(c, 1, 30)

    assert [totals.find(which, 1) for which in (a, b, c)] == [10, None, 30]
    assert totals.find(a, 2) is None
