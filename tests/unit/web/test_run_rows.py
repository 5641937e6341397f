"""What a row says of a run, and the same in a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from headway.control.query import RunView
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.states import State
from headway.ports import RunFilter
from headway.web.run_rows import Number, pick_curve, pick_number, to_row
from headway.web.runs_csv import COLUMNS, write_filtered, write_named
from headway.web.sparkline import draw_sparkline
from tests.factories import make_run, make_spec, moment, run_id
from tests.fakes.services import make_context

LEARNT = {"rollout/reward_mean": 0.1, "train/loss": 2.0, "system/cpu_fraction": 0.5}


def test_a_run_is_judged_by_the_number_of_its_kind() -> None:
    done = make_run(latest=LEARNT, result=Result(Reason.COMPLETED, {"sharpe": 0.7}))

    assert pick_number(done, None) == Number("sharpe", 0.7)
    assert pick_number(make_run(latest=LEARNT), None) == Number("rollout/reward_mean", 0.1, "newest")
    assert pick_number(make_run(), None) is None


def test_of_a_metric_the_best_is_shown_and_said_to_be_so() -> None:
    run = make_run(latest={"train/loss": 2.0, "train/kl": 0.1}, best={"train/loss": 1.5})

    assert pick_number(run, "train/loss") == Number("train/loss", 1.5, "best")
    assert pick_number(run, "train/kl") == Number("train/kl", 0.1, "newest")
    assert pick_number(run, "absent") == Number("absent", None)


def test_a_number_that_is_missing_is_not_zero() -> None:
    undefined = make_run(result=Result(Reason.COMPLETED, {"sharpe": None}))

    assert pick_number(undefined, "sharpe") == Number("sharpe", None)


def test_the_metric_is_drawn_where_it_is_a_series() -> None:
    run = make_run(latest=LEARNT)

    assert pick_curve(run, "train/loss") == "train/loss"
    assert pick_curve(run, "sharpe") == "rollout/reward_mean"
    assert pick_curve(make_run(latest={"system/cpu_fraction": 0.5}), None) == ""
    assert pick_curve(make_run(spec=make_spec(engine="other"), latest={"own": 1.0}), None) == "own"


def test_a_picture_has_a_new_address_when_the_run_has_moved() -> None:
    run = make_run(latest={"a&b": 1.0}, spec=make_spec(engine="other"))
    moved = run.evolve(attempt=2)

    rows = [to_row(RunView(each, None, None), moment(0)) for each in (run, moved)]

    assert rows[0].curve_address != rows[1].curve_address
    assert "name=a%26b" in rows[0].curve_address


def test_a_curve_spans_the_picture_and_ends_in_a_dot() -> None:
    picture = draw_sparkline({0: 1.0, 5: 3.0, 10: 2.0})

    assert 'points="3.0,25.0 56.0,3.0 109.0,14.0"' in picture
    assert 'cx="109.0" cy="14.0"' in picture


def test_flat_single_and_empty_series_can_be_drawn() -> None:
    assert 'points="3.0,14.0 109.0,14.0"' in draw_sparkline({1: 4.0, 2: 4.0})
    assert 'cx="109.0" cy="14.0"' in draw_sparkline({7: 1.0})
    assert "polyline" not in draw_sparkline({})


def test_an_exported_filter_holds_every_page_of_it(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    runs = [make_run(number, state=State.QUEUED) for number in range(5)]
    context.store.write(lambda tx: [tx.insert_run(run) for run in runs])

    rows = list(csv.reader("".join(write_filtered(context, RunFilter(limit=2), None)).splitlines()))

    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == [run_id(number) for number in (4, 3, 2, 1, 0)]


def test_exported_texts_are_no_formulas_and_numbers_are_json(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    run = make_run(name='=HYPERLINK("x")', notes="a, b", latest={"train/loss": 0.5}, tags=("t",))
    context.store.write(lambda tx: tx.insert_run(run))

    found = list(
        csv.DictReader("".join(write_named(context, [run.id, "tr_absent"], "train/loss")).splitlines())
    )

    assert len(found) == 1
    assert found[0]["name"] == '\'=HYPERLINK("x")'
    assert (found[0]["notes"], found[0]["metric"], found[0]["value"]) == ("a, b", "train/loss", "0.5")
    assert json.loads(found[0]["numbers"]) == {"train/loss": 0.5}
