"""From candles to a panel: features, labels, splits and scaling. All of it is preflight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from headway.domain.durations import parse_duration_s
from headway.domain.errors import DataError, InvalidInput
from headway.engines.forecast.labels import path_returns, trend_classes
from headway.engines.forecast.panel import Panel, Rows
from headway.engines.forecast.scalers import Scalers, fit_scalers
from headway.engines.forecast.splits import (
    Labels,
    keep_labelled,
    require_rows,
    rows_with_context,
    split_rows,
)
from headway.engines.forecast.streams import Aligned, align_streams
from headway.markets.candles import Candles, describe_span
from headway.wire.forecast import ForecastConfig

_BPS = 1e-4


@dataclass(frozen=True)
class Prepared:
    """The panel, and the scalers that made it (`scaler.json`)."""

    panel: Panel
    scalers: Scalers


def prepare(config: ForecastConfig, candles: Candles, *, context_bars: Mapping[str, int]) -> Prepared:
    """Compute, label, split and scale; `context_bars` counts the bars a model looks at on each timeframe.

    InvalidInput and DataError, with field, value, bound and remedy, where the data do not allow it.
    """
    candles = cut_dates(candles, config)
    aligned = align_streams(candles, config.data.timeframes, config.features)
    _require_horizon(config, len(aligned.at_s))
    labels = _label(config, aligned)
    usable = rows_with_context(aligned.last_bar, context_bars)
    windows = keep_labelled(split_rows(usable, config.data, config.purge_bars), labels)
    require_rows(windows, labels, config, len(usable))
    last_train = int(windows["train"][-1])
    last_train_bar = {name: int(last[last_train]) for name, last in aligned.last_bar.items()}
    target_scale = _fit_target(aligned, last_train, config)
    scalers = fit_scalers(aligned.streams, last_train_bar, target_scale, config.data.scaler)
    warnings = (*aligned.warnings, *_warn(config, aligned, windows, labels, last_train_bar))
    return Prepared(_assemble(aligned, labels, scalers, windows, context_bars, warnings), scalers)


def transform(
    candles: Candles, scalers: Scalers, config: ForecastConfig, *, context_bars: Mapping[str, int]
) -> Panel:
    """New candles as the model of a run knows them. Its only window is `new`: every row with a full context.

    DataError where there is none.
    """
    aligned = align_streams(candles, config.data.timeframes, config.features)
    usable = rows_with_context(aligned.last_bar, context_bars)
    if not len(usable):
        raise DataError(_no_context(candles, context_bars))
    return _assemble(
        aligned, _label(config, aligned), scalers, {"new": usable}, context_bars, aligned.warnings
    )


def cut_dates(candles: Candles, config: ForecastConfig) -> Candles:
    """Bars that begin at or after the start date and before the end date; InvalidInput where none does."""
    data, keep = config.data, np.ones(len(candles), np.bool_)
    if data.start_at:
        keep &= candles.open_at_s >= data.start_at.timestamp()
    if data.end_at:
        keep &= candles.open_at_s < data.end_at.timestamp()
    if not keep.any():
        field = "data.start_date" if data.start_at else "data.end_date"
        value = data.start_date if data.start_at else data.end_date
        span = f"the candles go from {candles.source.first} to {candles.source.last}"
        raise InvalidInput(field, value, f"no bar lies between the dates: {span}")
    rows = np.flatnonzero(keep)
    kept = candles.cut(int(rows[0]), int(rows[-1]) + 1)
    count, first, last = describe_span(kept.at_s)
    return kept.evolve(source=replace(candles.source, rows=count, first=first, last=last))


def _label(config: ForecastConfig, aligned: Aligned) -> Labels:
    at_s, close, bar_s = aligned.at_s, aligned.close, config.data.base_s
    epsilon = config.horizons.epsilon_bps * _BPS
    short, long = (
        trend_classes(at_s, close, parse_duration_s(horizon), bar_s, epsilon)
        for horizon in (config.horizons.short, config.horizons.long)
    )
    return Labels(path_returns(at_s, close, config.horizons.next_bars, bar_s), short, long)


def _require_horizon(config: ForecastConfig, rows: int) -> None:
    """InvalidInput for a horizon as long as the data."""
    horizons = config.horizons
    lengths = (
        ("horizons.next_bars", horizons.next_bars, horizons.next_bars),
        ("horizons.short", horizons.short, config.short_bars),
        ("horizons.long", horizons.long, config.long_bars),
    )
    for field, value, bars in lengths:
        if bars >= rows:
            bound = (
                f"{bars} bars of {config.data.base_timeframe} must be fewer than the {rows} rows of the data"
            )
            raise InvalidInput(field, value, bound, remedy="Give a shorter horizon or more candles")


def _fit_target(aligned: Aligned, last_train: int, config: ForecastConfig) -> float:
    """Standard deviation of the log return over one base bar, up to the last train row."""
    scale = float(np.diff(np.log(aligned.close[: last_train + 1])).std())
    if scale <= 0.0:
        raise DataError(
            f"the close does not move on the train rows ({config.data.source}): there is nothing to learn from"
        )
    return scale


def _warn(
    config: ForecastConfig,
    aligned: Aligned,
    windows: Mapping[str, Rows],
    labels: Labels,
    last_train_bar: Mapping[str, int],
) -> list[str]:
    """What the data allow, and yet is worth saying."""
    warnings = []
    for name, stream in aligned.streams.items():
        spread = np.ptp(stream.values[: last_train_bar[name] + 1], axis=0)
        still = [column for column, moves in zip(stream.names, spread.tolist(), strict=True) if moves <= 0.0]
        if still:
            warnings.append(f"{', '.join(still)} of {name} never change on the train rows: they tell nothing")
    base_s = config.data.base_s
    if parse_duration_s(config.horizons.short) < base_s:
        warnings.append(
            f"the short horizon of {config.horizons.short} is less than a bar of {config.data.base_timeframe}: "
            "the trend is that of the next bar"
        )
    for trend, classes in (("short", labels.short), ("long", labels.long)):
        for split, rows in windows.items():
            if not (classes[rows] >= 0).any():
                warnings.append(f"no row of {split} has the future that the {trend} trend asks for")
    return warnings


def _assemble(
    aligned: Aligned,
    labels: Labels,
    scalers: Scalers,
    windows: Mapping[str, Rows],
    context_bars: Mapping[str, int],
    warnings: tuple[str, ...],
) -> Panel:
    return Panel(
        timeframes=tuple(aligned.streams),
        at_s=np.ascontiguousarray(aligned.at_s),
        close=np.ascontiguousarray(aligned.close),
        streams=scalers.scale(aligned.streams),
        last_bar=aligned.last_bar,
        feature_names={name: stream.names for name, stream in aligned.streams.items()},
        path_target=(labels.path / scalers.target_scale).astype(np.float32),
        target_scale=scalers.target_scale,
        short_target=labels.short,
        long_target=labels.long,
        windows=windows,
        context_bars=dict(context_bars),
        data_source=aligned.source,
        warnings=warnings,
    )


def _no_context(candles: Candles, context_bars: Mapping[str, int]) -> str:
    wanted = ", ".join(f"{bars} of {name}" for name, bars in context_bars.items())
    return (
        f"{candles.source.name}: no row of {len(candles)} bars has the context that the model looks at ({wanted}, "
        "after the warm-up of the features). Give more candles"
    )
