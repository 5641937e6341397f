"""Measures of classes, against the formulas written out row by row."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from headway.domain.errors import InvalidInput
from headway.evaluation.classification import (
    accuracy,
    auroc,
    brier,
    calibration_error,
    confusion,
    f1_scores,
    macro_f1,
    matthews,
    reliability,
)

ACTUAL = np.array([0, 0, 1, 2, 2, 2, 1, 0])
FORECAST = np.array([0, 1, 1, 2, 2, 0, 1, 0])
NO_CLASSES = np.empty(0, np.int64)


def draw(rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.dirichlet([2.0, 1.0, 3.0], rows).round(2) + 1e-12, random.integers(0, 3, rows)


def test_confusion_has_a_row_for_what_came_and_a_column_for_what_was_forecast() -> None:
    assert confusion(ACTUAL, FORECAST, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 2]]


def test_f1_and_accuracy_by_hand() -> None:
    counts = confusion(ACTUAL, FORECAST, 3)
    assert accuracy(counts) == pytest.approx(6 / 8)
    assert f1_scores(counts) == pytest.approx([4 / 6, 4 / 5, 4 / 5])
    assert macro_f1(counts) == pytest.approx((4 / 6 + 4 / 5 + 4 / 5) / 3)


def test_a_class_that_is_neither_there_nor_forecast_does_not_count() -> None:
    counts = confusion(np.array([0, 2]), np.array([0, 0]), 3)
    assert f1_scores(counts) == [pytest.approx(2 / 3), None, 0.0]
    assert macro_f1(counts) == pytest.approx(1 / 3)


def test_matthews_is_the_correlation_of_the_indicators() -> None:
    actual, forecast = np.eye(3)[ACTUAL], np.eye(3)[FORECAST]
    a, f = actual - actual.mean(axis=0), forecast - forecast.mean(axis=0)
    expected = (a * f).sum() / math.sqrt((a * a).sum() * (f * f).sum())
    assert matthews(confusion(ACTUAL, FORECAST, 3)) == pytest.approx(expected)


def test_matthews_of_two_classes_is_the_formula_of_matthews() -> None:
    tp, tn, fp, fn = 5, 4, 2, 1
    expected = (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert matthews(np.array([[tn, fp], [fn, tp]])) == pytest.approx(expected)


def test_one_class_always_forecast_has_no_correlation() -> None:
    assert matthews(confusion(ACTUAL, np.zeros(8, np.int64), 3)) == 0.0


def test_brier_is_the_squared_distance_summed_over_the_classes() -> None:
    chances, actual = draw()
    expected = np.mean(
        [
            sum((p - (k == came)) ** 2 for k, p in enumerate(row))
            for row, came in zip(chances, actual, strict=True)
        ]
    )
    assert brier(chances, actual) == pytest.approx(expected)
    assert brier(np.array([[0.0, 1.0, 0.0]]), np.array([0])) == 2.0


def test_calibration_error_by_a_loop_over_the_bins() -> None:
    chances, actual = draw(500)
    expected = 0.0
    for k in range(15):
        inside = [
            (row.max(), row.argmax() == came)
            for row, came in zip(chances, actual, strict=True)
            if k / 15 < row.max() <= (k + 1) / 15
        ]
        if inside:
            sure, right = (np.mean(column) for column in zip(*inside, strict=True))
            expected += len(inside) / 500 * abs(sure - right)
    assert calibration_error(chances, actual) == pytest.approx(expected)


def test_a_forecast_that_means_what_it_says_is_calibrated() -> None:
    chances = np.tile([0.6, 0.3, 0.1], (10, 1))
    actual = np.array([0] * 6 + [1] * 3 + [2])
    assert calibration_error(chances, actual) == pytest.approx(0.0)
    (found,) = reliability(chances, actual)
    assert (found.accuracy, found.rows) == (0.6, 10)
    assert found.confidence == pytest.approx(0.6)
    assert calibration_error(np.eye(3)[actual], (actual + 1) % 3) == pytest.approx(1.0)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    chances, actual = draw(80)
    areas = []
    for k in range(3):
        pairs = list(product(chances[actual == k, k], chances[actual != k, k]))
        areas.append(np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]))
    assert auroc(chances, actual) == pytest.approx(np.mean(areas))
    assert auroc(np.eye(3)[actual], actual) == 1.0


def test_auroc_leaves_out_classes_that_are_not_there() -> None:
    chances, _ = draw(10)
    assert auroc(chances, np.full(10, 2)) is None


def test_no_rows_have_no_measure() -> None:
    chances = np.empty((0, 3))
    counts = confusion(NO_CLASSES, NO_CLASSES, 3)
    assert [accuracy(counts), macro_f1(counts), matthews(counts)] == [None, None, None]
    assert [
        brier(chances, NO_CLASSES),
        calibration_error(chances, NO_CLASSES),
        auroc(chances, NO_CLASSES),
    ] == [None] * 3


@pytest.mark.parametrize("actual", [np.array([-1, 0]), np.array([0, 3])])
def test_masked_and_unknown_classes_are_refused(actual: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"classes from 0 to 2.*masked rows"):
        confusion(actual, np.array([0, 0]), 3)
    with pytest.raises(InvalidInput, match=r"classes from 0 to 2"):
        brier(np.full((2, 3), 1 / 3), actual)
    with pytest.raises(InvalidInput, match=r"a row for each of the 2"):
        brier(np.full((1, 3), 1 / 3), np.array([0, 1]))
