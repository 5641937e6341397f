"""The best weights on rows that training never saw: forecasts of validation and test, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from headway.engines.forecast.assess import Assessment, assess
from headway.engines.forecast.foresee import Forecaster, Pulse
from headway.engines.forecast.panel import Forecast, Panel
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.predictions import tabulate

FORETOLD = ("validation", "test")  # splits whose forecasts are kept


@dataclass(frozen=True)
class Judged:
    """`assessment` is of the test rows; `table` holds the forecasts of validation and test."""

    assessment: Assessment
    forecast: Forecast  # of the test rows
    table: pl.DataFrame


def judge(plan: Plan, forecaster: Forecaster, *, pulse: Pulse) -> Judged:
    """Forecast and assess. `pulse` is called at every batch and every few resamples, and may raise."""
    forecasts = foresee_splits(forecaster, plan.panel, pulse=pulse)
    rows_n = plan.panel.windows["test"]
    pulse()
    assessment = assess(plan.panel, rows_n, forecasts["test"], plan.config, seed=plan.seed, pulse=pulse)
    table = tabulate(plan.panel, {name: plan.panel.windows[name] for name in forecasts}, forecasts)
    return Judged(assessment, forecasts["test"], table)


def foresee_splits(
    forecaster: Forecaster, panel: Panel, *, splits: tuple[str, ...] = FORETOLD, pulse: Pulse | None = None
) -> dict[str, Forecast]:
    """{split: forecast of its rows}, each in batches of its own: numbers do not depend on what else is asked."""
    return {name: forecaster.foresee(panel.windows[name], pulse=pulse)[0] for name in splits}
