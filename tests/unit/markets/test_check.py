"""Checking a file: all problems, each once, with count and first rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.domain.errors import InvalidInput
from headway.markets.check import check_file, find_problems
from headway.markets.problems import Rules
from headway.markets.table import read_table
from tests.unit.markets.files import HEADER, SOUND, spoil, write_lines


def test_a_sound_file_has_no_problems(tmp_path: Path) -> None:
    report = check_file(write_lines(tmp_path, SOUND), "1h")

    assert report.ok
    assert (report.rows, report.first) == (8, "2022-01-01T01:00:00.000000Z")
    assert report.last == "2022-01-01T08:00:00.000000Z"
    assert report.columns == tuple(HEADER.split(","))


def test_all_problems_are_found_not_only_the_first(tmp_path: Path) -> None:
    lines = [
        "2022-01-01T00:00:00Z,10,12,9,x,1",
        "2022-01-01T01:00:00Z,10,8,9,8.5,-1",
        "2022-01-01T01:00:00Z,y,12,9,11,1",
        "2022-01-01T04:30:00Z,10,12,0,z,1",
        "2022-01-01T03:00:00Z,10,12,9,11,",
    ]

    report = check_file(write_lines(tmp_path, lines), "1h")

    found = {(problem.kind, problem.column): problem.rows for problem in report.problems}
    assert found == {
        ("not_a_number", "open"): (3,),
        ("not_positive", "low"): (4,),
        ("not_a_number", "close"): (1, 4),
        ("empty", "volume"): (5,),
        ("negative", "volume"): (2,),
        ("high_below_low", "high"): (2,),
        ("high_below_open", "high"): (2,),
        ("high_below_close", "high"): (2,),
        ("low_above_close", "low"): (2,),
        ("misaligned", "timestamp"): (4,),
        ("duplicate", "timestamp"): (3,),
        ("order", "timestamp"): (5,),
        ("gap", "timestamp"): (5,),
    }


def test_a_problem_counts_all_its_rows_and_shows_the_first_ten(tmp_path: Path) -> None:
    lines = [line.replace(",11,", ",x,") for line in SOUND + SOUND]

    problem = check_file(write_lines(tmp_path, lines), "1h").problems[0]

    assert (problem.kind, problem.row, problem.count) == ("not_a_number", 1, 16)
    assert problem.rows == tuple(range(1, 11))


def test_all_missing_columns_are_told_and_the_others_are_checked(tmp_path: Path) -> None:
    path = write_lines(tmp_path, [f"2022-01-01T0{hour}:00:00Z,-1" for hour in range(3)], header="time,close")

    found = [(problem.kind, problem.column) for problem in check_file(path, "1h").problems]

    missing = [("missing_column", name) for name in ("open", "high", "low", "volume")]
    assert found == [*missing, ("not_positive", "close")]


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2,3\n"])
def test_a_file_that_cannot_be_read_is_a_report_too(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "BTC_1h.csv"
    if content is not None:
        path.write_text(content)

    report = check_file(path, "1h")

    assert [problem.kind for problem in report.problems] == ["unreadable"]
    assert not report.problems[0].message.startswith(str(path))


def test_a_report_is_json(tmp_path: Path) -> None:
    path = write_lines(tmp_path, spoil(2, "2022-01-01T01:00:00Z,10,NaN,9,11,1"))

    shown = json.loads(json.dumps(check_file(path, "1h").to_json(), allow_nan=False))

    assert shown["ok"] is False
    assert shown["path"] == str(path)
    assert shown["problems"][0]["row"] == 2


def test_a_bar_is_in_the_future_until_it_has_closed(tmp_path: Path) -> None:
    table = read_table(write_lines(tmp_path, SOUND[:1]))
    closed_s = 1_640_998_800

    before = [problem.kind for problem in find_problems(table, Rules("1h", now_s=closed_s - 1))]
    after = list(find_problems(table, Rules("1h", now_s=closed_s)))

    assert before == ["future"]
    assert after == []


def test_weeks_begin_on_monday(tmp_path: Path) -> None:
    monday = write_lines(tmp_path, ["2022-01-03,10,12,9,11,1"])
    thursday = write_lines(tmp_path, ["2022-01-06,10,12,9,11,1"], name="ETH_1w.csv")

    assert check_file(monday, "1w").ok
    assert [problem.kind for problem in check_file(thursday, "1w").problems] == ["misaligned"]


def test_a_timeframe_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="timeframe"):
        check_file(tmp_path / "BTC_1h.csv", "1y")
