"""How many bars a forecasting run has and how it uses them: rows of each split. Pure estimates."""

from __future__ import annotations

from dataclasses import dataclass

from headway.domain.coverage import Coverage
from headway.domain.forecast_features import warmup_bars
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.forecast import MIN_ROWS, ForecastConfig


@dataclass(frozen=True)
class RowPlan:
    """Rows of the base timeframe. The engine counts exactly; gaps in the candles make it fewer."""

    rows: int  # within the dates
    usable: int  # with features and a whole context on every timeframe
    train: int
    validation: int
    test: int
    judged: int  # of those to test, with the whole path that is forecast

    @property
    def enough(self) -> bool:
        return min(self.train, self.validation, self.judged) >= MIN_ROWS


def plan_rows(config: ForecastConfig, rows: int, density: float = 1.0) -> RowPlan:
    """How `rows` base bars are used; for `density` see `density_of`."""
    usable = max(rows - first_usable_row(config, density), 0)
    first = int(usable * config.data.train_fraction)
    second = int(usable * (config.data.train_fraction + config.data.validation_fraction))
    return RowPlan(
        rows,
        usable,
        max(first - config.purge_bars, 0),
        max(second - config.purge_bars - first, 0),
        usable - second,
        max(usable - second - config.horizons.next_bars, 0),
    )


def density_of(config: ForecastConfig, coverage: Coverage) -> float:
    """The share of its span in which there are base bars: a market that closes at night and at weekends has fewer of
    them to a day or a week than fit in. Days that are closed are averaged in: rather too few bars, so that no run is
    refused for an estimate."""
    first, last, rows = coverage.first_at, coverage.last_at, coverage.rows
    if first is None or last is None or rows is None:
        return 1.0
    span_s = (last - first).total_seconds() + config.data.base_s
    return min(rows * config.data.base_s / span_s, 1.0)


def first_usable_row(config: ForecastConfig, density: float = 1.0) -> int:
    """Base bars that pass before every timeframe has its features and its context."""
    return max(bars_before_first(config, name, density) for name in config.data.timeframes)


def bars_before_first(config: ForecastConfig, timeframe: str, density: float = 1.0) -> int:
    """Base bars that pass before a timeframe has its features and its context."""
    bars = _warmup(config, timeframe) + config.model.context_bars
    spanned = bars * TIMEFRAMES_S[timeframe] // config.data.base_s
    # The first row is the base bar that closes with the last of these bars: it has them all itself.
    return max(round(spanned * density), bars) - 1


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


def _warmup(config: ForecastConfig, timeframe: str) -> int:
    return warmup_bars(config.features.indicators_of(timeframe))
