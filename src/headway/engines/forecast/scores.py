"""How good the forecast of some rows is: path and trends, in log returns and shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from headway.domain.json import JsonObject, finite
from headway.engines.forecast.baselines import (
    HIGH,
    LOW,
    forecast_linear,
    forecast_no_change,
    read_climate,
)
from headway.engines.forecast.panel import Classes, Floats, Floats32, Forecast, Panel, Rows
from headway.evaluation import classification, forecasting


@dataclass(frozen=True)
class PathScores:
    """Of the path, in log returns. `rows` counts rows and bars ahead together where both are pooled."""

    rows: int
    rmse: float | None
    mae: float | None
    da: float | None  # share of the moves whose direction was forecast
    coverage: float | None  # of the interval of 80 %; None, as all below, where there is no interval
    width: float | None
    pinball: float | None  # mean of those of both bounds

    def to_json(self) -> JsonObject:
        return {
            name: finite(value) if isinstance(value, float) else value for name, value in asdict(self).items()
        }


@dataclass(frozen=True)
class TrendScores:
    """Of one trend, over the rows that have its label."""

    rows: int
    accuracy: float | None
    f1: float | None  # macro
    mcc: float | None
    brier: float | None
    ece: float | None
    auroc: float | None
    confusion: tuple[tuple[int, ...], ...]  # [actual][forecast], down, flat, up

    def to_json(self) -> JsonObject:
        return {**asdict(self), "confusion": [list(row) for row in self.confusion]}


@dataclass(frozen=True)
class Scores:
    """Of one forecaster over one split."""

    path: PathScores  # all bars ahead pooled
    by_bar: tuple[PathScores, ...]  # h = 1..H
    short: TrendScores
    long: TrendScores

    def to_json(self) -> JsonObject:
        return {
            "path": self.path.to_json(),
            "by_bar": [scores.to_json() for scores in self.by_bar],
            "short": self.short.to_json(),
            "long": self.long.to_json(),
        }


def score(panel: Panel, rows: Rows, forecast: Forecast) -> dict[str, float]:
    """Scores for the log of a validation; those without any row to speak of are left out. Of f1, mcc, brier and ece the
    mean over both trends."""
    found = score_forecast(panel, rows, forecast)
    return _known(_of_path(found.path) | _of_trends(found))


def score_baselines(panel: Panel, rows: Rows) -> dict[str, float]:
    """What `score` names, of the baselines on the same rows: they are the same at every validation.

    `baseline_<name>` of no change and past frequencies (`baseline_da` of the more frequent direction), `linear_<name>`
    of the linear model, which forecasts the path alone.
    """
    still = score_forecast(panel, rows, forecast_no_change(panel, rows))
    linear = score_path(forecast_linear(panel, rows), panel.path_target[rows], panel.target_scale)
    naive = _of_path(still.path) | _of_trends(still) | {"da": majority_da(panel, rows)}
    return _known(
        {f"baseline_{name}": value for name, value in naive.items()}
        | {f"linear_{name}": value for name, value in _of_path(linear).items()}
    )


def score_forecast(panel: Panel, rows: Rows, forecast: Forecast) -> Scores:
    """All scores of a forecast of these rows."""
    target, scale = panel.path_target[rows], panel.target_scale
    return Scores(
        path=score_path(forecast, target, scale),
        by_bar=tuple(
            score_path(_bar(forecast, h), target[:, h : h + 1], scale) for h in range(panel.horizon)
        ),
        short=score_trend(forecast.short_probabilities, panel.short_target[rows]),
        long=score_trend(forecast.long_probabilities, panel.long_target[rows]),
    )


def score_path(forecast: Forecast, target: Floats32, scale: float) -> PathScores:
    """Over all rows and bars that have a target; forecast and target are in units of `scale`."""
    known = np.isfinite(target)
    actual, mean = _log_returns(target, known, scale), _log_returns(forecast.mean, known, scale)
    bounds: dict[str, float | None] = {"coverage": None, "width": None, "pinball": None}
    if forecast.lower is not None and forecast.upper is not None:
        lower, upper = (_log_returns(bound, known, scale) for bound in (forecast.lower, forecast.upper))
        losses = [forecasting.pinball(lower, actual, LOW), forecasting.pinball(upper, actual, HIGH)]
        bounds = {
            "coverage": forecasting.coverage(lower, upper, actual),
            "width": forecasting.mean_width(lower, upper),
            "pinball": _mean(losses),
        }
    return PathScores(
        rows=actual.size,
        rmse=forecasting.rmse(mean, actual),
        mae=forecasting.mae(mean, actual),
        da=forecasting.directional_accuracy(mean, actual),
        **bounds,
    )


def score_trend(probabilities: Floats32, target: Classes) -> TrendScores:
    """Over the rows that have a label; the class forecast is the most likely one."""
    known = target >= 0
    actual, chances = target[known], _normalised(probabilities[known])
    counts = classification.confusion(actual, chances.argmax(axis=1), chances.shape[1])
    return TrendScores(
        rows=len(actual),
        accuracy=classification.accuracy(counts),
        f1=classification.macro_f1(counts),
        mcc=classification.matthews(counts),
        brier=classification.brier(chances, actual),
        ece=classification.calibration_error(chances, actual),
        auroc=classification.auroc(chances, actual),
        confusion=tuple(tuple(row) for row in counts.tolist()),
    )


def majority_da(panel: Panel, rows: Rows) -> float | None:
    """Directional accuracy of always saying the direction that was more frequent on the train rows."""
    target = panel.path_target[rows]
    known = np.isfinite(target)
    signs = np.broadcast_to(read_climate(panel).sign, target.shape)[known]
    return forecasting.directional_accuracy(signs, target[known].astype(np.float64))


def _of_path(found: PathScores) -> dict[str, float | None]:
    return {name: getattr(found, name) for name in ("da", "rmse", "mae", "coverage")}


def _of_trends(found: Scores) -> dict[str, float | None]:
    trends = (found.short, found.long)
    return {name: _mean([getattr(trend, name) for trend in trends]) for name in ("f1", "mcc", "brier", "ece")}


def _known(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _bar(forecast: Forecast, h: int) -> Forecast:
    """The same forecast, of one bar ahead alone."""
    column = slice(h, h + 1)
    return Forecast(
        mean=forecast.mean[:, column],
        lower=None if forecast.lower is None else forecast.lower[:, column],
        upper=None if forecast.upper is None else forecast.upper[:, column],
        short_probabilities=forecast.short_probabilities,
        long_probabilities=forecast.long_probabilities,
    )


def _log_returns(
    values: Floats32, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], scale: float
) -> Floats:
    return np.asarray(values[known].astype(np.float64) * scale)


def _normalised(probabilities: Floats32) -> Floats:
    """Float32 rows add up to 1 but for rounding."""
    chances = probabilities.astype(np.float64)
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
