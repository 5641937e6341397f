"""A database that held runs before there were lists: the upgrade has them found as if they had been there always."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text

from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.states import State
from headway.domain.trading import TradingConfig
from headway.ports import RunFilter, RunSort, SortBy
from headway.store.codec import encode_run
from headway.store.migrate import upgrade
from headway.store.opening import make_engines, open_store
from headway.store.transaction import columns_of
from tests.factories import make_run, make_spec, moment, run_id
from tests.fakes.postgres import PostgresServer

_BEFORE = "0002"
_ADDED = {"started_at", "sort_name", "fraction"}
_LONG = "nightly nightly " + "word " * 200 + "x" * 100


def _spec(*symbols: str, label: str = "", notes: str = "") -> object:
    return make_spec(config=TradingConfig(symbols=symbols).to_json(), label=label, notes=notes)


def _old_runs() -> list[Run]:
    result = Result(Reason.COMPLETED, {"sharpe": 1.5, "trades": None})
    return [
        make_run(1, spec=_spec("BTC", label="Baseline Wide", notes=_LONG)),
        make_run(2, spec=_spec("ETH", "BTC"), state=State.DONE, started_at=moment(5), finished_at=moment(9),
                 result=result, latest={"sharpe": 0.1, "train/loss": 0.5}, progress=Progress(1.0)),
        make_run(3, spec=_spec("ETH"), state=State.FAILED, latest={"sharpe": -1.0}, progress=Progress(0.4)),
        *(make_run(number, spec=_spec("SOL")) for number in range(4, 1_010)),
    ]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the version before, with runs in it."""
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path / 'old.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        found = server.make_database(like="template0")
    writer, reader = make_engines(make_url(found))
    with writer.begin() as connection:
        upgrade(connection, _BEFORE)
        for run in _old_runs():
            _insert(connection, run)
        connection.execute(
            text("INSERT INTO queue (run_id, rank, created_at) SELECT id, 0, created_at FROM runs")
        )
    writer.dispose()
    reader.dispose()
    return found


def _insert(connection: Connection, run: Run) -> None:
    """A run as that version wrote it: what was not yet known is neither in a column nor in the record."""
    record = json.loads(encode_run(run))
    for unknown in ("name", "tags", "notes", "removed"):
        del record[unknown]
    row = {name: value for name, value in columns_of(run).items() if name not in _ADDED}
    row |= {"record": json.dumps(record), "finished_at": row["finished_at"] or None}
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO runs ({names}) VALUES ({values})"), row)


def test_what_waited_in_the_version_before_is_counted(url: str) -> None:
    with closing(open_store(url)) as store:
        store.write(lambda tx: tx.dequeue(run_id(7)))
        assert store.read(lambda tx: tx.queue_length()) == 1_008


def test_runs_of_the_version_before_are_found_counted_and_sorted(url: str) -> None:
    by_sharpe = RunSort(SortBy.METRIC, "sharpe")
    asked = {
        "symbol": (RunFilter(symbol="ETH"), [3, 2], 2),
        "symbol, failed": (RunFilter(symbol="ETH", states=frozenset({State.FAILED})), [3], 1),
        "symbol, of a kind": (RunFilter(symbol="BTC", engines=frozenset({"ppo"})), [2, 1], 2),
        "word": (RunFilter(text="base wide"), [1], 1),
        "word of long notes": (RunFilter(text="nightly"), [1], 1),
        "metric": (RunFilter(sort=by_sharpe), [2, 3], 2),
        "metric, failed": (RunFilter(sort=by_sharpe, states=frozenset({State.FAILED})), [3], 1),
        "metric, symbol": (RunFilter(sort=by_sharpe, symbol="BTC"), [2], 1),
        "metric, of late": (RunFilter(sort=by_sharpe, created_from=moment(3)), [3], 1),
        "start": (RunFilter(sort=RunSort(SortBy.STARTED), limit=1), [2], 1_009),
        "end": (RunFilter(sort=RunSort(SortBy.FINISHED), limit=1), [2], 1_009),
        "name": (RunFilter(sort=RunSort(SortBy.NAME), limit=1), [1], 1_009),
        "progress": (RunFilter(sort=RunSort(SortBy.PROGRESS), limit=2), [2, 3], 1_009),
        "all of a second batch": (RunFilter(symbol="SOL", limit=1), [1_009], 1_006),
    }
    with closing(open_store(url)) as store:
        found = {
            what: store.read(lambda tx, w=which: (tx.list_runs(w).runs, tx.count_runs(w)))  # type: ignore[misc]
            for what, (which, _, _) in asked.items()
        }

    numbers = {what: ([int(run.id[-8:], 16) for run in runs], total) for what, (runs, total) in found.items()}
    assert numbers == {what: (order, total) for what, (_, order, total) in asked.items()}
