from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.progress import Progress, estimate_eta_s, overall_fraction
from headway.domain.states import State

_WORK = [State.PREFLIGHT, State.TRAINING, State.EVALUATING]


def test_preparation_training_and_evaluation_share_the_whole() -> None:
    bounds = [(overall_fraction(state, 0.0), overall_fraction(state, 1.0)) for state in _WORK]

    assert bounds == [(0.0, 0.05), (0.05, 0.95), (0.95, 0.999)]
    assert overall_fraction(State.TRAINING, 0.5) == pytest.approx(0.5)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_progress_rises_through_the_phases(parts: list[float]) -> None:
    told = [overall_fraction(state, part) for state in _WORK for part in sorted(parts)]
    assert all(before <= after for before, after in pairwise(told))


@given(st.sampled_from(_WORK), st.floats(allow_nan=False))
def test_whatever_an_engine_says_the_whole_stays_between_nothing_and_almost_done(
    state: State, part: float
) -> None:
    assert 0.0 <= overall_fraction(state, part) <= 0.999


@pytest.mark.parametrize(("part", "as_if"), [(-0.5, 0.0), (1.5, 1.0), (inf, 1.0), (-inf, 0.0), (nan, 0.0)])
def test_parts_out_of_bounds_are_clamped(part: float, as_if: float) -> None:
    assert overall_fraction(State.TRAINING, part) == overall_fraction(State.TRAINING, as_if)


def test_only_a_run_that_is_done_has_all_behind_it() -> None:
    assert overall_fraction(State.DONE, 0.0) == 1.0
    for state in (State.QUEUED, State.FAILED, State.CANCELLED):
        assert overall_fraction(state, 1.0) == 0.0


def test_a_fraction_never_falls_behind_an_earlier_one_but_the_rest_is_new() -> None:
    earlier = Progress(0.6, "epoch 3", step=300)

    behind = Progress(0.4, "epoch 4", step=400).after(earlier)
    ahead = Progress(0.7, "epoch 4", step=400).after(earlier)

    assert behind == Progress(0.6, "epoch 4", step=400)
    assert ahead == Progress(0.7, "epoch 4", step=400)


def test_progress_comes_back_as_it_was_and_passes_over_words_it_does_not_know() -> None:
    progress = Progress(0.5, "epoch 1/2", 10, 20, 1, 2, rate_per_s=3.5, eta_s=2.9)

    assert Progress.from_json(progress.to_json()) == progress
    assert Progress.from_json({**progress.to_json(), "mood": "good"}) == progress


def test_what_is_left_follows_from_the_pace_so_far() -> None:
    assert estimate_eta_s(60.0, 0.25) == pytest.approx(180.0)
    assert estimate_eta_s(60.0, 1.0) == 0.0
    assert estimate_eta_s(60.0, 1.2) == 0.0


@pytest.mark.parametrize(("elapsed_s", "part"), [(60.0, 0.0), (60.0, -0.1), (0.0, 0.5), (-1.0, 0.5)])
def test_without_a_pace_nothing_is_promised(elapsed_s: float, part: float) -> None:
    assert estimate_eta_s(elapsed_s, part) is None


def test_counts_that_a_later_phase_does_not_make_keep_their_last_value() -> None:
    trained = Progress(0.9, "epoch 3/4", step=300, steps_total=400, epoch=3, epochs_total=4)
    found = Progress(0.96, "saving").after(trained)

    assert (found.step, found.steps_total, found.epoch, found.epochs_total) == (300, 400, 3, 4)
