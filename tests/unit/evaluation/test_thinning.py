"""Curves for charts: short, and no extreme is lost."""

from __future__ import annotations

import numpy as np
import pytest

from headway.evaluation.thinning import keep_extremes


@pytest.mark.parametrize("points", [10, 200, 1_500])
def test_the_extremes_of_every_curve_are_kept_within_the_points(points: int) -> None:
    draw = np.random.default_rng(1)
    curves = [draw.normal(size=20_000).cumsum() for _ in range(4)]
    kept = keep_extremes(curves, points)

    assert len(kept) <= points
    assert (kept[0], kept[-1]) == (0, 19_999)
    assert (np.diff(kept) > 0).all()
    for curve in curves:
        assert {curve.argmin(), curve.argmax()} <= set(kept.tolist())


def test_missing_numbers_are_no_extremes_and_few_rows_stay_all() -> None:
    curve = np.full(1_000, np.nan)
    curve[[321, 654]] = (5.0, -5.0)

    assert {321, 654} <= set(keep_extremes([curve], 50).tolist())
    assert keep_extremes([curve], 1_000).tolist() == list(range(1_000))
