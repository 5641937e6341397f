"""Validation scores of a forecast, by the names that the log has for them."""

from __future__ import annotations

import numpy as np

from headway.engines.forecast.panel import Forecast, Panel, Rows


def score(panel: Panel, rows_n: Rows, forecast: Forecast) -> dict[str, float]:
    """Placeholder."""
    t = panel.path_target[rows_n, 0]
    ok = ~np.isnan(t)
    return {"da": float((forecast.mean[ok, 0] * t[ok] > 0).mean())}
