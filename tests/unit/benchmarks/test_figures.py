"""What becomes of figures that were measured: medians over runs, and the page that tells them."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.document import make_page
from benchmarks.repeated import merge
from benchmarks.tables import Measure, Reference, Size, Spread

FAST = Measure("submit", 12.0, "ms", 10.0, against=(Reference("peer", 120.0),), note="p50 5")
MIDDLE = Measure("submit", 14.0, "ms", 10.0, against=(Reference("peer", 100.0),), note="p50 6")
SLOW = Measure("submit", 30.0, "ms", 10.0, against=(Reference("peer", 140.0),), note="p50 9")


def test_of_several_runs_the_median_is_told_with_the_least_and_the_greatest() -> None:
    (merged,) = merge([[SLOW], [FAST], [MIDDLE]])

    assert merged.value == 14.0
    assert merged.spread == Spread(12.0, 30.0, 3)
    assert merged.note == "p50 6"  # of the run whose value is told
    assert merged.against == (Reference("peer", 120.0),)


def test_a_single_run_has_no_spread() -> None:
    assert merge([[FAST]]) == [FAST]


def test_a_peer_that_was_missing_once_is_missing() -> None:
    gone = replace(SLOW, against=(Reference("peer", None, "it did not answer"),))

    (merged,) = merge([[FAST], [gone]])

    assert merged.against == (Reference("peer", None, "it did not answer"),)


def test_figures_of_different_sizes_are_not_mixed_and_those_that_one_run_lacks_are_left_out() -> None:
    small, large = (replace(FAST, size=Size(count, "runs")) for count in (10, 1000))

    merged = merge([[small, large], [large]])

    assert [measure.size for measure in merged] == [Size(1000, "runs")]


def test_measures_come_back_from_their_json_as_they_were() -> None:
    (merged,) = merge([[FAST], [SLOW], [replace(MIDDLE, size=None)]])

    assert Measure.from_json(merged.to_json()) == merged


def test_the_page_tells_value_spread_goal_and_ratio_and_what_failed() -> None:
    page = make_page(
        {"submit": merge([[SLOW], [FAST], [MIDDLE]]), "cancel": []},
        at="2026-01-01T00:00:00Z",
        command="python -m benchmarks",
        machine={"cores": "2"},
    )

    assert (
        "| `submit` | submit (p50 6) | 14 ms (12 – 30) | ≤ 10 | missed | peer 120, 8.6× |"
        in page.splitlines()
    )
    assert "| `cancel` | | failed | | | |" in page.splitlines()
    assert "Machine: cores: 2." in page
