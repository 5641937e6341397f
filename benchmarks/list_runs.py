"""Lists of runs: a page of 50 with the number of all that match, of 100,000 runs, on SQLite and PostgreSQL.

`python -m benchmarks.list_runs [--quick] [--json FILE]`. The store alone: what the service adds is in `submit`.
PostgreSQL is measured where its programs are installed.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import create_engine, text
from tests.factories import make_run, make_spec, moment
from tests.fakes.postgres import find_postgres, running_postgres

from benchmarks.alone import Pace, run_alone
from benchmarks.percentiles import p50, p95
from benchmarks.tables import Measure
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.states import TERMINAL, State
from headway.domain.trading import TradingConfig
from headway.ports import RunFilter, RunSort, SortBy, Store
from headway.store.opening import open_store

RUNS = 100_000
QUICK_RUNS = 10_000
GOAL_MS = 20.0
_PAGES = 5  # of each list, one after the other
_REPEATS = 8
_BATCH = 2_000
_SYMBOLS = ("BTC", "ETH", "SOL", "ADA", "DOT")
_WORDS = ("baseline", "wide", "deep", "halved", "nightly", "dropout", "short", "long", "test", "retry")
_DONE = frozenset({State.DONE})

LISTS = {
    "all, newest first": RunFilter(),
    "done": RunFilter(states=_DONE),
    "of one symbol": RunFilter(symbol="ETH"),
    "failed, of one symbol": RunFilter(symbol="ETH", states=frozenset({State.FAILED})),
    "with a rare tag": RunFilter(tag="sweep/17"),
    "by two words": RunFilter(text="halved drop"),
    "by a word in a fifth of all": RunFilter(text="nightly"),
    "by a metric": RunFilter(sort=RunSort(SortBy.METRIC, "sharpe")),
    "by a metric, one symbol, done": RunFilter(sort=RunSort(SortBy.METRIC, "sharpe"), symbol="SOL", states=_DONE),
    "by name": RunFilter(sort=RunSort(SortBy.NAME, descending=False)),
    "by end, one symbol": RunFilter(sort=RunSort(SortBy.FINISHED), symbol="BTC"),
    "by progress": RunFilter(sort=RunSort(SortBy.PROGRESS)),
    "ended, by end": RunFilter(states=TERMINAL, sort=RunSort(SortBy.FINISHED)),
    "by a metric, of a month": RunFilter(sort=RunSort(SortBy.METRIC, "sharpe"), created_from=moment(60_000)),
    "of one kind and a month": RunFilter(
        engines=frozenset({"lora"}), created_from=moment(20_000), created_before=moment(60_000)
    ),
}  # fmt: skip


def measure(pace: Pace) -> list[Measure]:
    count = pace.choose(RUNS, QUICK_RUNS)
    found: list[Measure] = []
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        found += measure_store("SQLite", f"sqlite:///{Path(folder) / 'headway.db'}", count)
    binaries = find_postgres()
    if binaries is None:
        print("PostgreSQL is not installed: left out", file=sys.stderr)
        return found
    with running_postgres(binaries) as server:
        return found + measure_store("PostgreSQL", server.make_database(like="template0"), count)


def measure_store(name: str, url: str, count: int) -> list[Measure]:
    with filled_store(url, count) as store:
        times = {what: time_list(store, which) for what, which in LISTS.items()}
    worst = max(times, key=lambda what: p95(times[what]))
    everything = [each for found in times.values() for each in found]
    each = ", ".join(f"{what} {1e3 * p95(found):.1f}" for what, found in times.items())
    print(f"{name}, p95 in ms: {each}", file=sys.stderr)
    return [
        Measure(
            f"list of {count:,} runs, {name}, p95",
            1e3 * p95(everything),
            "ms",
            GOAL_MS,
            note=f"p50 {1e3 * p50(everything):.1f}",
        ),
        Measure(f"the slowest list, {name}, p95", 1e3 * p95(times[worst]), "ms", GOAL_MS, note=worst),
    ]


def time_list(store: Store, which: RunFilter) -> list[float]:
    """Seconds of each page with its total, several pages deep. Before each first page a run is changed: so that total
    is counted, and those of the pages behind it are known."""
    found: list[float] = []
    run = store.read(lambda tx: tx.list_runs(RunFilter(limit=1))).runs[0]
    for _ in range(_REPEATS):
        store.write(lambda tx: tx.index_labels(run))
        asked = which
        for _ in range(_PAGES):
            began = time.perf_counter()
            rows, _total = store.read(lambda tx, a=asked: (tx.list_runs(a), tx.count_runs(a)))  # type: ignore[misc]
            found.append(time.perf_counter() - began)
            if rows.last is None:
                break
            asked = replace(asked, after=rows.last)
    return found


@contextmanager
def filled_store(url: str, count: int) -> Iterator[Store]:
    """A store with that many runs, analysed as a database at rest is."""
    store = open_store(url)
    chance = random.Random(7)
    for begin in range(0, count, _BATCH):
        batch = [make_listed_run(number, chance) for number in range(begin, min(begin + _BATCH, count))]
        store.write(lambda tx, b=batch: [(tx.insert_run(run), tx.index_numbers(run)) for run in b])  # type: ignore[misc]
    if "postgresql" in url:
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    yield store
    store.close()


def make_listed_run(number: int, chance: random.Random) -> Run:
    """A run as real ones are: most of them done, with a name, tags, some notes and a dozen numbers."""
    created = moment(number)
    state = chance.choices((State.DONE, State.FAILED, State.CANCELLED, State.QUEUED), (80, 12, 6, 2))[0]
    ended = state is not State.QUEUED
    symbols = tuple(chance.sample(_SYMBOLS, chance.choice((1, 1, 2))))
    metrics = {f"metric_{index}": chance.random() for index in range(9)}
    return make_run(
        number,
        spec=make_spec(
            engine="lora" if number % 10 == 0 else "ppo", config=TradingConfig(symbols=symbols).to_json()
        ),
        created_at=created,
        state=state,
        name=f"{chance.choice(_WORDS)} {number}",
        tags=(f"sweep/{number % 500}", chance.choice(_WORDS)),
        notes=" ".join(chance.choices(_WORDS, k=6)) if number % 3 == 0 else "",
        started_at=created + timedelta(seconds=5) if ended else None,
        finished_at=created + timedelta(seconds=chance.randrange(60, 9000)) if ended else None,
        progress=Progress(1.0 if state is State.DONE else chance.random()),
        latest={"train/loss": chance.random(), "rollout/reward": chance.random()},
        result=Result(Reason.COMPLETED, {"sharpe": chance.gauss(0, 1), **metrics})
        if state is State.DONE
        else None,
    )


if __name__ == "__main__":
    run_alone(measure)
