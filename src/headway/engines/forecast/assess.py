"""The test: a forecast beside no change and a linear model, with the chance that the difference is luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from headway.domain.json import JsonObject, finite
from headway.engines.forecast.baselines import forecast_linear, forecast_no_change
from headway.engines.forecast.panel import Classes, Floats, Floats32, Forecast, Panel, Rows
from headway.engines.forecast.scores import Scores, TrendScores, majority_da, score_forecast
from headway.evaluation.bootstrap import Pulse
from headway.evaluation.classification import brier_rows
from headway.evaluation.forecasting import accuracy_by_row, mean_interval
from headway.evaluation.trading import Interval
from headway.wire.forecast import ForecastConfig

NOTHING_TO_JUDGE = "no row of the split has the future that it asks for"
NO_INTERVAL = "fewer than 30 rows, or all alike"

Spread = Callable[..., Interval | None]
"""`mean_interval` with its seed and its pulse."""


@dataclass(frozen=True)
class Comparison:
    """A model against a baseline, from their losses row by row.

    `skill` is the part of the baseline's loss that is avoided, below 0 where the model is worse; `interval` its 95 %
    interval, from the differences of the losses in units of the baseline's mean loss.
    """

    name: str
    skill: float | None
    interval: Interval | None

    @property
    def is_better(self) -> bool | None:
        """None where the interval includes 0, or there is none."""
        if self.interval is None or self.interval[0] <= 0.0 <= self.interval[1]:
            return None
        return self.interval[0] > 0.0

    def to_json(self) -> JsonObject:
        return {
            "name": self.name,
            "skill": self.skill,
            "skill_interval": None if self.interval is None else list(self.interval),
            "is_better": self.is_better,
        }


@dataclass(frozen=True)
class Assessment:
    """How a model did on one split, usually test.

    Squared errors are means over the path of a row; `da_interval` is the 95 % interval of the model's directional
    accuracy; `majority_da` that of always saying the direction more frequent on the train rows.
    """

    rows: int
    model: Scores
    no_change: Scores
    linear: Scores
    majority_da: float | None
    da_interval: Interval | None
    path: tuple[Comparison, Comparison]  # squared errors: no change, linear
    short: Comparison  # Brier scores: the frequencies of the train rows
    long: Comparison

    def to_json(self) -> JsonObject:
        return {
            "rows": self.rows,
            "model": self.model.to_json(),
            "no_change": self.no_change.to_json(),
            "linear": self.linear.to_json(),
            "majority_da": self.majority_da,
            "da_interval": None if self.da_interval is None else list(self.da_interval),
            "comparisons": {
                "path": [comparison.to_json() for comparison in self.path],
                "short": self.short.to_json(),
                "long": self.long.to_json(),
            },
        }


def assess(
    panel: Panel,
    rows: Rows,
    forecast: Forecast,
    config: ForecastConfig,
    *,
    seed: int,
    pulse: Pulse | None = None,
) -> Assessment:
    """The forecast of these rows against the baselines, all of which know the train rows alone.

    Rows whose futures overlap are resampled together: in blocks of as many rows as the horizon has bars at least.
    `pulse` is called every few resamples and may raise.
    """
    still, linear = forecast_no_change(panel, rows), forecast_linear(panel, rows)
    target, spread = panel.path_target[rows], partial(mean_interval, seed=seed, pulse=pulse)
    accuracies = accuracy_by_row(forecast.mean.astype(np.float64), target.astype(np.float64))
    return Assessment(
        rows=len(rows),
        model=score_forecast(panel, rows, forecast),
        no_change=score_forecast(panel, rows, still),
        linear=score_forecast(panel, rows, linear),
        majority_da=majority_da(panel, rows),
        da_interval=spread(accuracies, least_block=panel.horizon),
        path=(
            _compare_paths("no change", forecast, still, target, spread),
            _compare_paths("linear", forecast, linear, target, spread),
        ),
        short=_compare_trends(_trend(panel, rows, "short", forecast, still), spread, config.short_bars),
        long=_compare_trends(_trend(panel, rows, "long", forecast, still), spread, config.long_bars),
    )


def summarize_metrics(assessment: Assessment) -> dict[str, float | None]:
    """The headline numbers of the test rows; a number that there is not is None (`explain_missing` says why)."""
    path, still, linear = assessment.model.path, assessment.no_change.path, assessment.linear.path
    values = {
        "test_da": path.da,
        "test_rmse": path.rmse,
        "test_mae": path.mae,
        "test_coverage": path.coverage,
        "test_width": path.width,
        "test_skill": assessment.path[0].skill,
        "test_baseline_rmse": still.rmse,
        "test_baseline_da": assessment.majority_da,
        "test_linear_rmse": linear.rmse,
        "test_linear_da": linear.da,
    }
    for name, trend in _trends(assessment.model):
        values |= {
            f"test_accuracy_{name}": trend.accuracy,
            f"test_f1_{name}": trend.f1,
            f"test_mcc_{name}": trend.mcc,
            f"test_brier_{name}": trend.brier,
            f"test_ece_{name}": trend.ece,
            f"test_auroc_{name}": trend.auroc,
        }
    for name, trend in _trends(assessment.no_change):
        values |= {f"test_baseline_f1_{name}": trend.f1, f"test_baseline_brier_{name}": trend.brier}
    return {name: finite(value) for name, value in values.items()}


def explain_missing(assessment: Assessment) -> dict[str, str]:
    """{name of a headline number that is None: why}."""
    rows = {"short": assessment.model.short.rows, "long": assessment.model.long.rows}
    why = {}
    for name, value in summarize_metrics(assessment).items():
        if value is None:
            trend = next((trend for trend in rows if name.endswith(trend)), None)
            why[name] = _explain(name, assessment.model.path.rows if trend is None else rows[trend])
    return why


def _explain(name: str, rows: int) -> str:
    if not rows:
        return NOTHING_TO_JUDGE
    if name in ("test_coverage", "test_width"):
        return "the model gives no interval of 80 %"
    if name.startswith("test_auroc"):
        return "all rows of the split have one class"
    return "the close did not move in the split"


def _trends(scores: Scores) -> tuple[tuple[str, TrendScores], ...]:
    return (("short", scores.short), ("long", scores.long))


def _compare_paths(name: str, a: Forecast, b: Forecast, target: Floats32, spread: Spread) -> Comparison:
    known = np.isfinite(target).any(axis=1)
    losses = [_path_losses(forecast.mean[known], target[known]) for forecast in (a, b)]
    return _compare(name, losses[0], losses[1], spread, least_block=target.shape[1])


def _path_losses(mean: Floats32, target: Floats32) -> Floats:
    """Mean squared error of each row over the bars of its path that are known."""
    return np.asarray(np.nanmean((mean.astype(np.float64) - target) ** 2, axis=1))


def _trend(panel: Panel, rows: Rows, name: str, a: Forecast, b: Forecast) -> tuple[Floats, Floats]:
    """Brier scores of both, of each row that has the label."""
    target: Classes = getattr(panel, f"{name}_target")[rows]
    known = target >= 0
    chances = (getattr(forecast, f"{name}_probabilities")[known].astype(np.float64) for forecast in (a, b))
    first, second = (brier_rows(found, target[known]) for found in chances)
    return first, second


def _compare_trends(losses: tuple[Floats, Floats], spread: Spread, bars: int) -> Comparison:
    return _compare("frequencies of the train rows", *losses, spread, least_block=bars)


def _compare(name: str, model: Floats, baseline: Floats, spread: Spread, *, least_block: float) -> Comparison:
    if not len(model) or not baseline.mean() > 0.0:
        return Comparison(name, None, None)
    avoided = (baseline - model) / baseline.mean()
    return Comparison(name, float(avoided.mean()), spread(avoided, least_block=least_block))
