from __future__ import annotations

from datetime import timedelta

import pytest

from headway.domain.retention import Holdings, Item, Kept, Removal, Rules, choose, explain_removed
from headway.domain.states import RESUMABLE, TERMINAL, State

_DAY = timedelta(days=1)
_HOLDINGS = Holdings(
    logs=(Item("attempts/1/console.log", 10), Item("attempts/1/events.jsonl", 5)),
    checkpoints=tuple(Item(f"checkpoints/{step}", step) for step in (3, 2, 1)),
    points=7,
    points_bytes=112,
)
_ALL = Rules(checkpoints=_DAY, logs=_DAY, metrics=_DAY, failed=_DAY)


def _choose(
    rules: Rules, state: State = State.DONE, days: float = 2.0, broken: frozenset[str] = frozenset()
) -> dict[Kept, Removal]:
    chosen = choose(rules, state, days * _DAY, _HOLDINGS, lambda item: item.path not in broken)
    return {removal.kept: removal for removal in chosen}


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_nothing_goes_of_a_run_that_has_not_ended(state: State) -> None:
    assert _choose(_ALL, state, days=1000) == {}


def test_nothing_goes_without_a_rule_or_before_its_time() -> None:
    assert _choose(Rules()) == {}
    assert _choose(_ALL, days=1) == {}


def test_each_rule_takes_its_own() -> None:
    assert _choose(Rules(logs=_DAY)) == {
        Kept.LOGS: Removal(Kept.LOGS, 15, ("attempts/1/console.log", "attempts/1/events.jsonl"))
    }
    assert _choose(Rules(metrics=_DAY)) == {Kept.METRICS: Removal(Kept.METRICS, 112, points=7)}


def test_the_newest_checkpoint_stays_unless_told_otherwise() -> None:
    gone = _choose(Rules(checkpoints=_DAY))[Kept.CHECKPOINTS]
    assert (gone.paths, gone.size_bytes) == (("checkpoints/2", "checkpoints/1"), 3)
    assert len(_choose(Rules(checkpoints=_DAY, keep_checkpoints=0))[Kept.CHECKPOINTS].paths) == 3


@pytest.mark.parametrize("state", sorted(RESUMABLE))
def test_what_a_resume_needs_stays_whatever_is_asked(state: State) -> None:
    gone = _choose(Rules(checkpoints=_DAY, keep_checkpoints=0), state)[Kept.CHECKPOINTS]
    assert "checkpoints/3" not in gone.paths


def test_a_checkpoint_that_does_not_verify_does_not_count_as_one_that_stays() -> None:
    gone = _choose(Rules(checkpoints=_DAY), State.FAILED, broken=frozenset({"checkpoints/3"}))
    assert gone[Kept.CHECKPOINTS].paths == ("checkpoints/3", "checkpoints/1")


@pytest.mark.parametrize("state", sorted(RESUMABLE))
def test_a_run_that_is_given_up_loses_all_three(state: State) -> None:
    gone = _choose(Rules(failed=_DAY), state)
    assert set(gone) == set(Kept)
    assert len(gone[Kept.CHECKPOINTS].paths) == 3


def test_a_done_run_is_never_given_up() -> None:
    assert _choose(Rules(failed=_DAY), State.DONE) == {}


def test_a_run_says_when_it_lost_what_it_no_longer_has() -> None:
    removed = {"metrics": "2026-01-02T00:00:00.000000Z"}
    assert explain_removed(removed, Kept.LOGS, "tr_1") is None
    assert explain_removed(removed, Kept.METRICS, "tr_1") == (
        "the metrics of tr_1 were removed at 2026-01-02T00:00:00.000000Z by `headway store vacuum`"
    )
