"""A forecast beside its baselines: what is better is called better, and noise is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headway.engines.forecast.assess import assess, explain_missing, summarize_metrics
from headway.engines.forecast.baselines import (
    fit_ridge,
    forecast_linear,
    forecast_no_change,
    newest_features,
)
from headway.engines.forecast.panel import Forecast, Panel, join_forecasts
from headway.engines.forecast.scores import score, score_baselines, score_forecast
from headway.engines.forecast.verdicts import verdicts
from headway.wire.forecast import ForecastConfig
from tests.fakes.walks import walk_candles
from tests.unit.engines.test_forecast_prepare import make, make_config

CONFIG: ForecastConfig = make_config()


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make(walk_candles(4_000), CONFIG).panel


def knowing(panel: Panel, share: float) -> Forecast:
    """A forecast that knows so much of the future, with intervals and trends to match."""
    rows = panel.windows["test"]
    draw = np.random.default_rng(0)
    path = np.nan_to_num(panel.path_target[rows])
    mean = (share * path + (1.0 - share) * 0.2 * draw.standard_normal(path.shape)).astype(np.float32)
    trends = []
    for target in (panel.short_target[rows], panel.long_target[rows]):
        certain = np.eye(3)[np.maximum(target, 0)]
        guess = draw.dirichlet([4.0, 1.0, 4.0], len(rows))
        trends.append((share * certain + (1.0 - share) * guess).astype(np.float32))
    return Forecast(mean, mean - 1.5, mean + 1.5, *trends)


def test_no_change_knows_the_train_rows_alone(panel: Panel) -> None:
    rows, train = panel.windows["test"], panel.windows["train"]
    found = forecast_no_change(panel, rows)
    assert not found.mean.any()
    assert found.lower is not None
    np.testing.assert_allclose(found.lower[0], np.quantile(panel.path_target[train], 0.1, axis=0), rtol=1e-6)
    expected = np.bincount(panel.short_target[train], minlength=3) / len(train)
    np.testing.assert_allclose(found.short_probabilities[5], expected, rtol=1e-6)
    blind = replace(
        panel, path_target=np.where(np.arange(len(panel.at_s))[:, None] < rows[0], panel.path_target, 9.0)
    )
    np.testing.assert_array_equal(forecast_linear(blind, rows).mean, forecast_linear(panel, rows).mean)


def test_a_ridge_finds_the_weights_of_a_line_and_shrinks_noise() -> None:
    draw = np.random.default_rng(0)
    inputs = draw.standard_normal((2_000, 5))
    weights = np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 0.5], [0.0, 0.0], [0.0, 0.0]])
    clear = fit_ridge(inputs, inputs @ weights + 0.01 * draw.standard_normal((2_000, 2)))
    np.testing.assert_allclose(clear, weights, atol=0.01)
    noise = draw.standard_normal((2_000, 2))
    plain = np.linalg.lstsq(inputs, noise, rcond=None)[0]
    assert np.abs(fit_ridge(inputs, noise)).sum() < 0.5 * np.abs(plain).sum()


def test_the_linear_model_finds_a_line_in_the_newest_features(panel: Panel) -> None:
    newest = newest_features(panel, np.arange(len(panel.at_s)))
    line = (0.5 * newest[:, 0] - 0.2 * newest[:, 3]).astype(np.float32)
    planted = replace(panel, path_target=np.repeat(line[:, None], 3, axis=1))
    rows = panel.windows["test"]
    np.testing.assert_allclose(forecast_linear(planted, rows).mean[:, 0], line[rows], atol=0.02)


def test_scores_leave_masked_rows_out_and_are_in_log_returns(panel: Panel) -> None:
    rows = panel.windows["test"]
    found = score_forecast(panel, rows, forecast_no_change(panel, rows))
    returns = np.log(panel.close[rows[1:]] / panel.close[rows[:-1]])
    assert found.by_bar[0].rows == len(rows) - 1
    assert found.by_bar[0].rmse == pytest.approx(np.sqrt(np.mean(returns**2)), rel=1e-5)
    assert found.path.rows == sum(by_bar.rows for by_bar in found.by_bar)
    assert (found.short.rows, found.long.rows) == (len(rows) - 4, len(rows) - 24)
    assert found.path.coverage == pytest.approx(0.8, abs=0.06)


def test_the_log_of_a_validation_has_every_score(panel: Panel) -> None:
    rows = panel.windows["validation"]
    values = score(panel, rows, forecast_linear(panel, rows))
    names = {"da", "rmse", "mae", "coverage", "f1", "mcc", "brier", "ece"}
    assert set(values) == names
    beside = score_baselines(panel, rows)
    assert set(beside) == {f"baseline_{name}" for name in names} | {
        f"linear_{name}" for name in ("da", "rmse", "mae", "coverage")
    }
    assert all(np.isfinite(value) for value in (values | beside).values())
    assert beside["linear_rmse"] == values["rmse"]
    still = score(panel, rows, forecast_no_change(panel, rows))
    assert {name: beside[f"baseline_{name}"] for name in names - {"da"}} == {
        name: still[name] for name in names - {"da"}
    }


def test_resampling_can_be_stopped(panel: Panel) -> None:
    calls = iter(range(7))

    def pulse() -> None:
        if next(calls, None) is None:
            raise InterruptedError

    rows = panel.windows["test"]
    with pytest.raises(InterruptedError):
        assess(panel, rows, knowing(panel, 0.4), CONFIG, seed=1, pulse=pulse)


def test_the_interval_of_the_accuracy_holds_it(panel: Panel) -> None:
    rows = panel.windows["test"]
    found = assess(panel, rows, knowing(panel, 0.4), CONFIG, seed=1)
    assert found.da_interval is not None
    assert found.model.path.da is not None
    assert found.da_interval[0] < found.model.path.da < found.da_interval[1]


def test_a_model_that_knows_something_is_better_and_one_that_guesses_is_not(panel: Panel) -> None:
    rows = panel.windows["test"]
    wise = assess(panel, rows, knowing(panel, 0.4), CONFIG, seed=1)
    path, short, long = verdicts(wise)
    assert path.startswith("Better than the naive forecast of no change: the squared error is")
    assert "Better than a linear model" in path
    assert short.startswith("Short trend: better than the frequencies of the train rows")
    assert long.startswith("Long trend: better than")

    guess = verdicts(assess(panel, rows, knowing(panel, 0.0), CONFIG, seed=1))
    assert guess[0].startswith(("No better than the naive forecast", "Worse than the naive forecast"))
    assert "better" not in guess[1].replace("no better", "")


def test_a_tiny_edge_that_may_be_luck_is_no_better_than_naive(panel: Panel) -> None:
    rows = panel.windows["test"]
    draw = np.random.default_rng(4)
    mean = (0.02 * draw.standard_normal((len(rows), 3))).astype(np.float32)
    still = forecast_no_change(panel, rows)
    found = assess(panel, rows, replace(still, mean=mean), CONFIG, seed=1)
    assert found.path[0].is_better is None
    assert verdicts(found)[0].startswith(
        "No better than the naive forecast of no change: the squared error is 0."
    )


def test_the_baseline_itself_has_no_interval_to_be_better_by(panel: Panel) -> None:
    rows = panel.windows["test"]
    found = assess(panel, rows, forecast_no_change(panel, rows), CONFIG, seed=1)
    assert (found.path[0].skill, found.path[0].interval) == (0.0, None)
    assert verdicts(found)[0] == "Nothing can be said of the path: fewer than 30 rows, or all alike."


def test_a_model_without_intervals_has_no_coverage_and_says_why(panel: Panel) -> None:
    rows = panel.windows["test"]
    plain = replace(knowing(panel, 0.3), lower=None, upper=None)
    found = assess(panel, rows, plain, CONFIG, seed=1)
    metrics = summarize_metrics(found)
    assert (metrics["test_coverage"], metrics["test_width"]) == (None, None)
    assert explain_missing(found) == dict.fromkeys(
        ("test_coverage", "test_width"), "the model gives no interval of 80 %"
    )
    assert all(
        value is not None for name, value in metrics.items() if name not in ("test_coverage", "test_width")
    )


def test_a_trend_without_a_labelled_test_row_is_missing_with_a_reason(panel: Panel) -> None:
    masked = replace(panel, long_target=np.full_like(panel.long_target, -1))
    rows = panel.windows["test"]
    found = assess(masked, rows, knowing(panel, 0.3), CONFIG, seed=1)
    why = explain_missing(found)
    assert why["test_f1_long"] == "no row of the split has the future that it asks for"
    assert "test_f1_short" not in why
    assert verdicts(found)[2].startswith("Long trend: nothing can be said")


def test_equal_seeds_give_equal_assessments(panel: Panel) -> None:
    rows = panel.windows["test"]
    first, second = (assess(panel, rows, knowing(panel, 0.2), CONFIG, seed=7).to_json() for _ in range(2))
    assert first == second


def test_forecasts_of_batches_are_joined_in_order(panel: Panel) -> None:
    whole = knowing(panel, 0.3)
    bounds = (whole.mean - 1.0, whole.mean + 1.0)
    arrays = (whole.mean, *bounds, whole.short_probabilities, whole.long_probabilities)
    parts = [Forecast(*(values[k : k + 1] for values in arrays)) for k in range(3)]
    joined = join_forecasts(parts)
    np.testing.assert_array_equal(joined.mean, whole.mean[:3])
    assert join_forecasts([replace(parts[0], lower=None), parts[1]]).lower is None
    with pytest.raises(ValueError, match="no forecasts"):
        join_forecasts([])
