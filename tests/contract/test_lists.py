"""What every store promises about lists of runs: filters, orders, pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.states import State
from headway.domain.trading import TradingConfig
from headway.ports import RunFilter, RunSort, SortBy, Store
from tests.contract.paging import page_through
from tests.factories import make_run, make_spec, moment, run_id


def _of(*symbols: str) -> Any:
    return make_spec(config=TradingConfig(symbols=symbols).to_json())


def _result(**metrics: float | None) -> Result:
    return Result(Reason.COMPLETED, metrics)


RUNS = [
    make_run(1, spec=_of("BTC"), name="Baseline", tags=("nightly",), created_at=moment(100)),
    make_run(2, spec=_of("ETH", "BTC"), name="basel two", notes="Learning rate halved", started_at=moment(5)),
    make_run(3, state=State.DONE, started_at=moment(4), finished_at=moment(9), result=_result(sharpe=-0.5)),
    make_run(4, state=State.DONE, started_at=moment(3), finished_at=moment(8), result=_result(sharpe=1.5)),
    make_run(
        5, state=State.FAILED, finished_at=moment(7), result=_result(sharpe=None), tags=("a/b", "nightly")
    ),
    make_run(6, state=State.TRAINING, latest={"train/loss": 0.5, "sharpe": 0.0}, progress=Progress(0.4)),
    make_run(7, spec=make_spec(engine="lora", config={}), name="Ünïted", created_at=moment(100)),
]


@pytest.fixture
def filled(store: Store) -> Store:
    for run in RUNS:
        store.write(lambda tx, r=run: (tx.insert_run(r), tx.index_numbers(r)))  # type: ignore[misc]
    return store


def _numbers(found: list[str]) -> list[int]:
    return [int(found_id[-8:], 16) for found_id in found]


def _find(store: Store, **which: Any) -> list[int]:
    """Oldest number first."""
    asked = RunFilter(**which)
    found = page_through(store, asked)
    assert store.read(lambda tx: tx.count_runs(asked)) == len(found)
    return sorted(_numbers(found))


# A table and not parameters: each would cost a database of its own.
FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"symbol": "BTC"}, [1, 2, 3, 4, 5, 6]),
    ({"symbol": "ETH"}, [2]),
    ({"symbol": "btc"}, []),
    ({"tag": "nightly"}, [1, 5]),
    ({"tag": "a/b", "symbol": "BTC"}, [5]),
    ({"symbol": "BTC", "states": frozenset({State.DONE, State.FAILED})}, [3, 4, 5]),
    ({"text": "basel"}, [1, 2]),
    ({"text": "BASEL two"}, [2]),
    ({"text": "halved rate"}, [2]),
    ({"text": "alved"}, []),
    ({"text": "nightly"}, [1, 5]),
    ({"text": "ünï"}, [7]),
    ({"text": run_id(3)}, [3]),
    ({"text": "tr_1700000000000"}, [1, 2, 3, 4, 5, 6, 7]),
    ({"text": "fc_17"}, []),
    ({"text": "%"}, [1, 2, 3, 4, 5, 6, 7]),
    ({"text": "nightly", "symbol": "BTC", "states": frozenset({State.FAILED})}, [5]),
    ({"engines": frozenset({"lora", "x"})}, [7]),
    ({"engines": frozenset()}, []),
    ({"created_from": moment(5), "created_before": moment(100)}, [5, 6]),
]
ORDERS = [
    (RunSort(SortBy.CREATED), [7, 1, 6, 5, 4, 3, 2]),
    (RunSort(SortBy.STARTED), [2, 3, 4, 7, 6, 5, 1]),
    (RunSort(SortBy.FINISHED), [3, 4, 5, 7, 6, 2, 1]),
    (RunSort(SortBy.NAME), [7, 1, 2, 6, 5, 4, 3]),
    (RunSort(SortBy.STATE), [6, 7, 1, 2, 5, 4, 3]),
    (RunSort(SortBy.PROGRESS), [6, 7, 5, 4, 3, 2, 1]),
    (RunSort(SortBy.METRIC, "sharpe"), [4, 6, 3]),
    (RunSort(SortBy.METRIC, "train/loss"), [6]),
    (RunSort(SortBy.METRIC, "unknown"), []),
]


def test_runs_are_found_by_what_is_asked(filled: Store) -> None:
    found = [(which, _find(filled, limit=2, **which)) for which, _ in FILTERS]

    assert found == FILTERS


@pytest.mark.parametrize("symbol", [None, "BTC"])
def test_pages_keep_the_order_that_is_asked_for(filled: Store, symbol: str | None) -> None:
    for sort, order in ORDERS:
        expected = [number for number in order if symbol is None or number != 7]
        for limit in (1, 3, 100):
            which = RunFilter(sort=sort, limit=limit, symbol=symbol)
            rising = replace(which, sort=replace(sort, descending=False))

            assert _numbers(page_through(filled, which)) == expected, which
            assert _numbers(page_through(filled, rising)) == expected[::-1], rising


def test_a_run_is_found_by_its_new_labels_and_no_more_by_the_old_ones(filled: Store) -> None:
    def relabel(run: Run) -> None:
        filled.write(lambda tx: (tx.update_run(run, expected_seq=1), tx.index_labels(run)))

    relabel(RUNS[0].evolve(name="Other", tags=("weekly",), event_seq=2))

    assert _find(filled, text="baseline") == []
    assert _find(filled, text="other") == [1]
    assert _find(filled, tag="nightly") == [5]
    assert _find(filled, tag="weekly", symbol="BTC") == [1]


def test_a_run_whose_result_was_withdrawn_is_no_longer_sorted_by_it(filled: Store) -> None:
    resumed = RUNS[3].evolve(result=None, event_seq=2)
    filled.write(lambda tx: (tx.update_run(resumed, expected_seq=1), tx.index_numbers(resumed)))

    assert _numbers(page_through(filled, RunFilter(sort=RunSort(SortBy.METRIC, "sharpe")))) == [6, 3]


def test_a_run_moves_in_the_lists_as_it_goes_on(filled: Store) -> None:
    started = RUNS[0].evolve(state=State.TRAINING, started_at=moment(50), progress=Progress(0.9), event_seq=2)
    filled.write(lambda tx: tx.update_run(started, expected_seq=1))

    assert _numbers(page_through(filled, RunFilter(sort=RunSort(SortBy.STARTED))))[0] == 1
    assert _numbers(page_through(filled, RunFilter(sort=RunSort(SortBy.PROGRESS))))[0] == 1


def test_a_run_is_counted_by_its_number_in_the_state_that_it_moved_to(filled: Store) -> None:
    ended = RUNS[5].evolve(state=State.CANCELLED, event_seq=2)
    filled.write(lambda tx: tx.update_run(ended, expected_seq=1))
    by_sharpe = RunSort(SortBy.METRIC, "sharpe")

    assert _find(filled, sort=by_sharpe, states=frozenset({State.CANCELLED})) == [6]
    assert _find(filled, sort=by_sharpe, states=frozenset({State.TRAINING})) == []


def test_a_total_that_was_told_before_is_told_anew_after_every_change(filled: Store) -> None:
    by_sharpe = RunFilter(sort=RunSort(SortBy.METRIC, "sharpe"))
    asked = [
        RunFilter(),
        RunFilter(symbol="BTC", states=frozenset({State.FAILED})),
        RunFilter(tag="nightly", engines=frozenset({"ppo"})),
        RunFilter(text="nightly"),
        by_sharpe,
    ]

    def count() -> list[int]:
        return [filled.read(lambda tx, w=which: tx.count_runs(w)) for which in asked]  # type: ignore[misc]

    ended = RUNS[5].evolve(state=State.FAILED, event_seq=2)
    labelled = ended.evolve(tags=("nightly",), event_seq=3)
    numbered = RUNS[0].evolve(latest={"sharpe": 2.0}, event_seq=2)
    totals = [count()]
    filled.write(lambda tx: tx.insert_run(make_run(8, spec=_of("BTC"), state=State.FAILED)))
    totals.append(count())
    filled.write(lambda tx: tx.update_run(ended, expected_seq=1))
    totals.append(count())
    filled.write(lambda tx: (tx.update_run(labelled, expected_seq=2), tx.index_labels(labelled)))
    totals.append(count())
    filled.write(lambda tx: (tx.update_run(numbered, expected_seq=1), tx.index_numbers(numbered)))
    totals.append(count())

    assert totals == [[7, 1, 2, 2, 3], [8, 2, 2, 2, 3], [8, 3, 2, 2, 3], [8, 3, 3, 3, 3], [8, 3, 3, 3, 4]]


def test_runs_are_sorted_by_the_best_of_a_metric(store: Store) -> None:
    known = [(1, 3.0, 0.5), (2, 1.0, 1.0), (3, 2.0, None)]
    for number, newest, best in known:
        run = make_run(number, latest={"val/loss": newest}, best={} if best is None else {"val/loss": best})
        store.write(lambda tx, run=run: (tx.insert_run(run), tx.index_numbers(run)))  # type: ignore[misc]

    by_loss = RunFilter(sort=RunSort(SortBy.METRIC, "val/loss", descending=False))
    assert _numbers(page_through(store, by_loss)) == [1, 2, 3]


def test_a_run_is_listed_by_its_symbol_in_the_state_that_it_moved_to(filled: Store) -> None:
    ended = RUNS[5].evolve(state=State.CANCELLED, event_seq=2)
    filled.write(lambda tx: tx.update_run(ended, expected_seq=1))

    assert _find(filled, symbol="BTC", states=frozenset({State.CANCELLED})) == [6]
    assert _find(filled, symbol="BTC", states=frozenset({State.TRAINING})) == []


def test_filters_that_meet_are_counted_as_they_are_listed(filled: Store) -> None:
    by_sharpe = RunSort(SortBy.METRIC, "sharpe")

    assert _find(filled, sort=by_sharpe, symbol="BTC", states=frozenset({State.DONE})) == [3, 4]
    assert _find(filled, sort=by_sharpe, engines=frozenset({"lora"})) == []
    assert _find(filled, sort=by_sharpe, created_from=moment(5)) == [6]
    assert _find(filled, text="b n", symbol="BTC", created_from=moment(50)) == [1]
    assert _find(filled, text=f"bas {run_id(2)}", origin=RUNS[1].spec.origin) == [2]
    assert _find(filled, text="basel", origin="elsewhere") == []
