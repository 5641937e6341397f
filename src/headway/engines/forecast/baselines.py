"""What a model has to beat: no change, and a linear model of the newest features. Both know the train rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway.engines.forecast.panel import Classes, Floats, Floats32, Forecast, Panel, Rows

LOW, HIGH = 0.1, 0.9  # quantiles of the bounds of a forecast's interval

_STRENGTHS = np.logspace(-4.0, 4.0, 33)  # of the ridge, in units of the mean eigenvalue


@dataclass(frozen=True)
class Climate:
    """How often each trend came on the train rows, and the sign the paths had more often."""

    short_probabilities: Floats  # [3]
    long_probabilities: Floats
    sign: Floats  # [H], -1 or 1


def read_climate(panel: Panel) -> Climate:
    """The frequencies on the train rows; a trend without any label is equally likely to go anywhere."""
    rows = panel.windows["train"]
    ups = np.nanmean(np.sign(panel.path_target[rows]), axis=0)
    return Climate(
        _frequencies(panel.short_target[rows]),
        _frequencies(panel.long_target[rows]),
        np.where(ups >= 0.0, 1.0, -1.0),
    )


def forecast_no_change(panel: Panel, rows: Rows) -> Forecast:
    """A path of 0 within the train rows' own 10 % and 90 % quantiles, and trends as frequent as they were."""
    train = panel.path_target[panel.windows["train"]]
    low, high = np.nanquantile(train, [LOW, HIGH], axis=0)
    zeros = np.zeros((len(rows), panel.horizon), np.float32)
    return _forecast(panel, zeros, low, high)


def forecast_linear(panel: Panel, rows: Rows) -> Forecast:
    """Ridge regression on the newest features of every timeframe; its bounds are quantiles of its train errors.

    Hoerl and Kennard (1970), in closed form; the strength of the penalty is the one with the least generalised
    cross-validation error on the train rows (Golub, Heath and Wahba 1979). Trends as in `forecast_no_change`.
    """
    train = panel.windows["train"]
    train = train[np.isfinite(panel.path_target[train]).all(axis=1)]
    inputs, targets = newest_features(panel, train), panel.path_target[train].astype(np.float64)
    means, offsets = inputs.mean(axis=0), targets.mean(axis=0)
    weights = fit_ridge(inputs - means, targets - offsets)
    errors = targets - (offsets + (inputs - means) @ weights)
    low, high = np.quantile(errors, [LOW, HIGH], axis=0)
    mean = (offsets + (newest_features(panel, rows) - means) @ weights).astype(np.float32)
    return _forecast(panel, mean, low, high)


def newest_features(panel: Panel, rows: Rows) -> Floats:
    """[rows, features of all timeframes]: of each the newest bar that has closed."""
    parts = [panel.streams[name][panel.last_bar[name][rows]] for name in panel.timeframes]
    return np.concatenate(parts, axis=1).astype(np.float64)


def fit_ridge(inputs: Floats, targets: Floats) -> Floats:
    """[features, targets] weights of centred inputs and targets, one strength of the penalty for all targets."""
    rows = len(inputs)
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ (inputs.T @ targets)
    total = float((targets**2).sum())
    best, chosen = np.inf, values
    for strength in _STRENGTHS * max(float(values.mean()), 1e-12):
        shrunk = values + strength
        explained = (projected**2 * ((values + 2.0 * strength) / shrunk**2)[:, None]).sum()
        freedom = float((values / shrunk).sum())
        error = (total - float(explained)) / max(rows - freedom, 1e-9) ** 2
        if error < best:
            best, chosen = error, shrunk
    return np.asarray(vectors @ (projected / chosen[:, None]))


def _forecast(panel: Panel, mean: Floats32, low: Floats, high: Floats) -> Forecast:
    climate = read_climate(panel)
    rows = len(mean)
    return Forecast(
        mean=mean,
        lower=(mean + low).astype(np.float32),
        upper=(mean + high).astype(np.float32),
        short_probabilities=np.tile(climate.short_probabilities, (rows, 1)).astype(np.float32),
        long_probabilities=np.tile(climate.long_probabilities, (rows, 1)).astype(np.float32),
    )


def _frequencies(classes: Classes) -> Floats:
    counts = np.bincount(classes[classes >= 0], minlength=3).astype(np.float64)
    return counts / counts.sum() if counts.sum() else np.full(3, 1.0 / 3.0)
