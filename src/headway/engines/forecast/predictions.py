"""Forecasts as a table, one row for each base bar: `predictions.parquet`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from headway.engines.forecast.panel import MASKED, TREND_NAMES, Classes, Floats32, Forecast, Panel, Rows


def tabulate(panel: Panel, rows_of: Mapping[str, Rows], forecasts: Mapping[str, Forecast]) -> pl.DataFrame:
    """{split: rows} and their forecasts as one table in order of time.

    `timestamp` is the close of the base bar (UTC). `pred_mean_h1`.., `pred_lower_h1`.., `pred_upper_h1`.. and
    `target_h1`.. are log returns since that close; lower and upper are the 10 % and 90 % quantiles. A head of quantiles
    has each level that it was asked for beside them, as `pred_q0.05_h1`... `short_target` and `long_target` are 0 down,
    1 flat, 2 up. A target that is not known yet, and a bound that the model does not give, is null.
    """
    parts = [_tabulate(panel, name, rows, forecasts[name]) for name, rows in rows_of.items()]
    return pl.concat(parts).sort("timestamp", maintain_order=True)


def _tabulate(panel: Panel, split: str, rows: Rows, forecast: Forecast) -> pl.DataFrame:
    scale = panel.target_scale
    columns: dict[str, pl.Series] = {
        "timestamp": pl.Series(panel.at_s[rows] * 1_000).cast(pl.Datetime("ms", "UTC")),
        "split": pl.Series([split] * len(rows), dtype=pl.String),
        "close": pl.Series(panel.close[rows]),
    }
    unknown = np.full((len(rows), panel.horizon), np.nan, np.float32)
    paths = {
        "pred_mean": forecast.mean,
        "pred_lower": unknown if forecast.lower is None else forecast.lower,
        "pred_upper": unknown if forecast.upper is None else forecast.upper,
        **{f"pred_q{level:g}": values for level, values in forecast.quantiles.items()},
        "target": panel.path_target[rows],
    }
    for name, values in paths.items():
        columns |= {f"{name}_h{h + 1}": _returns(values[:, h], scale) for h in range(panel.horizon)}
    for trend, chances, target in (
        ("short", forecast.short_probabilities, panel.short_target[rows]),
        ("long", forecast.long_probabilities, panel.long_target[rows]),
    ):
        columns |= {f"{trend}_prob_{name}": pl.Series(chances[:, k]) for k, name in enumerate(TREND_NAMES)}
        columns[f"{trend}_target"] = _classes(target)
    return pl.DataFrame(columns)


def _returns(values: Floats32, scale: float) -> pl.Series:
    return pl.Series(values.astype(np.float64) * scale).fill_nan(None)


def _classes(target: Classes) -> pl.Series:
    series = pl.Series(target)
    return series.set(series == MASKED, None)
