"""Train, validation and test: three stretches of time, purged so that no label reaches into the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.domain.errors import DataError
from headway.engines.forecast.panel import SPLITS, Classes, Floats, Rows
from headway.wire.forecast import MIN_ROWS, DataConfig, ForecastConfig


@dataclass(frozen=True)
class Labels:
    """Targets of all rows; see `labels`."""

    path: Floats  # [rows, H]
    short: Classes
    long: Classes

    @property
    def some(self) -> NDArray[np.bool_]:
        """Rows with at least one label."""
        return np.isfinite(self.path).any(axis=1) | (self.short >= 0) | (self.long >= 0)


def rows_with_context(last_bar: Mapping[str, Rows], context_bars: Mapping[str, int]) -> Rows:
    """Rows at which every timeframe has as many closed bars as its context needs."""
    return np.flatnonzero(np.all([last_bar[name] >= bars - 1 for name, bars in context_bars.items()], axis=0))


def split_rows(usable: Rows, data: DataConfig, purge_bars: int) -> dict[str, Rows]:
    """Cut by time, the shares counted over the usable rows; the last `purge_bars` rows before a cut belong to no
    split, so that what a row is judged by lies in its own split."""
    first = int(len(usable) * data.train_fraction)
    second = int(len(usable) * (data.train_fraction + data.validation_fraction))
    return {
        "train": usable[: max(first - purge_bars, 0)],
        "validation": usable[first : max(second - purge_bars, first)],
        "test": usable[second:],
    }


def keep_labelled(windows: Mapping[str, Rows], labels: Labels) -> dict[str, Rows]:
    """Without the rows of train and validation that have no label at all. Test keeps them: their forecasts are of
    interest, the newest most of all."""
    some = labels.some
    return {name: rows if name == "test" else rows[some[rows]] for name, rows in windows.items()}


def require_rows(windows: Mapping[str, Rows], labels: Labels, config: ForecastConfig, usable: int) -> None:
    """DataError when a split has too few rows with a path to learn from or be judged by."""
    whole = np.asarray(np.isfinite(labels.path).all(axis=1))
    counts = {name: int(whole[windows[name]].sum()) for name in SPLITS}
    for name, count in counts.items():
        if count < MIN_ROWS:
            raise DataError(
                f"{count} rows are left to {name}, at least {MIN_ROWS} are needed: {usable} rows of "
                f"{config.data.base_timeframe} have a full context of {config.model.context_bars} bars on each of "
                f"{', '.join(config.data.timeframes)}, and {config.purge_bars} are purged before each cut. Give more "
                "candles, a shorter context (model.context_patches), fewer timeframes or shorter horizons"
            )
