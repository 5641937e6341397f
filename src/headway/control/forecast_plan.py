"""What a forecasting run comes to on so many bars: rows of each split, columns, parameters, memory. Pure estimates."""

from __future__ import annotations

from dataclasses import dataclass

from headway.domain.coverage import Coverage
from headway.domain.forecast_features import count_columns, warmup_bars
from headway.domain.forecast_size import NetworkShape
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.forecast import ForecastConfig

MIN_ROWS = 30  # of each split: fewer give no figures that mean anything


@dataclass(frozen=True)
class RowPlan:
    """Rows of the base timeframe. The engine counts exactly; gaps in the candles make it fewer."""

    rows: int  # within the dates
    usable: int  # with features and a whole context on every timeframe
    train: int
    validation: int
    test: int

    @property
    def enough(self) -> bool:
        return min(self.train, self.validation, self.test) >= MIN_ROWS


def plan_rows(config: ForecastConfig, rows: int) -> RowPlan:
    """How `rows` base bars are used."""
    usable = max(rows - first_usable_row(config), 0)
    first = int(usable * config.data.train_fraction)
    second = int(usable * (config.data.train_fraction + config.data.validation_fraction))
    return RowPlan(
        rows,
        usable,
        max(first - config.purge_bars, 0),
        max(second - config.purge_bars - first, 0),
        usable - second,
    )


def first_usable_row(config: ForecastConfig) -> int:
    """Base bars that pass before every timeframe has its features and its context."""
    return max(
        (_warmup(config, name) + config.model.context_bars) * TIMEFRAMES_S[name] // config.data.base_s
        for name in config.data.timeframes
    )


def longest_warmup(config: ForecastConfig) -> int:
    """Base bars that features alone need."""
    return max(
        _warmup(config, name) * TIMEFRAMES_S[name] // config.data.base_s for name in config.data.timeframes
    )


def rows_within(config: ForecastConfig, coverage: Coverage) -> int | None:
    """Bars between the dates of the configuration, in proportion to the time that they cover."""
    first, last, rows = coverage.first_at, coverage.last_at, coverage.rows
    start, end = config.data.start_at, config.data.end_at
    if rows is None or (start is None and end is None):
        return rows
    if first is None or last is None:
        return None
    whole_s = (last - first).total_seconds()
    begin, until = max(first, start or first), min(last, end or last)
    share = (until - begin).total_seconds() / whole_s if whole_s > 0 else 0.0
    return max(int(rows * share), 0)


def shape_of(config: ForecastConfig) -> NetworkShape:
    """The network that will be made."""
    features, model = config.features, config.model
    return NetworkShape(
        features=tuple(
            count_columns(name, features.indicators_of(name), calendar=features.calendar)
            for name in config.data.timeframes
        ),
        d_model=model.d_model,
        n_heads=model.n_heads,
        n_layers_tf=model.n_layers_tf,
        n_layers_fusion=model.n_layers_fusion,
        ff_mult=model.ff_mult,
        patch_len=model.patch_len,
        stride=model.stride,
        context_patches=model.context_patches,
        next_bars=config.horizons.next_bars,
        regression=config.loss.regression,
        quantiles=len(config.loss.quantiles),
    )


def _warmup(config: ForecastConfig, timeframe: str) -> int:
    return warmup_bars(config.features.indicators_of(timeframe))
