"""Whether a forecasting run fits the candles that it asks for: what speaks against it, before it exists.

The engine counts exactly; here rows are what a file has, less warm-up, context and purge. Errors name the field as it
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from headway.control.context import Context
from headway.control.forecast_plan import RowPlan, bars_before_first, density_of, plan_rows, rows_within
from headway.control.translate_runs import field_of
from headway.domain.coverage import Coverage, DatasetCheck
from headway.domain.errors import DataError, InvalidInput
from headway.domain.subjects import CANDLES_FILE
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.forecast import MIN_ROWS, ForecastConfig

_TO_THE_SECOND = "%Y-%m-%dT%H:%M:%SZ"
_LISTED = "GET /datasets and `headway data list` tell what there is"


@dataclass(frozen=True)
class Fit:
    """`coverage` is of the base timeframe; None where there are no such candles. No misfits: the run may begin."""

    coverage: Coverage | None
    plan: RowPlan | None
    misfits: tuple[InvalidInput, ...] = ()


def find_fit(context: Context, config: ForecastConfig) -> Fit:
    """Each look needs the one before: what is found first is told."""
    source, base = config.data.source, config.data.base_timeframe
    try:
        coverage = context.candles.coverage(source, base)
        check = context.candles.check(source, base)
    except DataError as error:
        return Fit(None, None, (_no_candles(context, config, error),))
    if check is not None:
        coverage = _complete(coverage, check)
        faults = tuple(_list_faults(config, check))
        if faults:
            return Fit(coverage, None, faults)
    misfits = tuple(_list_date_misfits(config, coverage))
    rows = None if misfits else rows_within(config, coverage)
    if rows is None:
        return Fit(coverage, None, misfits)
    plan = plan_rows(config, rows, density_of(config, coverage))
    misfits = (*_list_horizon_misfits(config, rows),)
    misfits = misfits or (*_list_row_misfits(config, coverage, plan),)
    return Fit(coverage, plan, misfits or (*_list_batch_misfits(config, plan),))


def _no_candles(context: Context, config: ForecastConfig, error: DataError) -> InvalidInput:
    """A timeframe finer than the candles, where there are coarser ones; else no candles at all."""
    source, base = config.data.source, config.data.base_timeframe
    match = CANDLES_FILE.fullmatch(source)
    held = {match[2]} if match else _timeframes_of(context, source)
    there = sorted((name for name in held if name != base), key=TIMEFRAMES_S.__getitem__)
    if not there or any(TIMEFRAMES_S[base] % TIMEFRAMES_S[name] == 0 for name in there):
        return InvalidInput(field_of("data.source"), source, str(error), remedy=_LISTED)
    bound = f"the candles of {source} are of {', '.join(there)}: bars are made coarser, never finer"
    remedy = f"Leave {base} out, or give candles of {base} or finer"
    return InvalidInput(field_of("data.timeframes"), base, bound, remedy=remedy)


def _timeframes_of(context: Context, symbol: str) -> set[str]:
    names = {symbol, f"{symbol}USDT"}
    return {each.timeframe for each in context.candles.list_all() if each.symbol in names}


def _complete(coverage: Coverage, check: DatasetCheck) -> Coverage:
    """With what reading the whole file told, where counting could not."""
    if coverage.rows is not None or not check.first or not check.last:
        return coverage
    own_s = TIMEFRAMES_S[check.timeframe]
    first_at, last_at = (datetime.fromisoformat(text) for text in (check.first, check.last))
    rows = check.rows * own_s // TIMEFRAMES_S[coverage.timeframe]
    return replace(coverage, rows=rows, first_at=first_at, last_at=last_at, problem=None)


def _list_faults(config: ForecastConfig, check: DatasetCheck) -> Iterator[InvalidInput]:
    """The first fault of the file that the engine would stop at; a gap is none where gaps are allowed."""
    faults = [each for each in check.faults if each.severity == "error" or not config.data.allow_gaps]
    if faults:
        more = f" ({len(faults) - 1} more)" if faults[1:] else ""
        bound = f"{check.filename}: {faults[0].message.rstrip('.')}{more}"
        remedy = "POST /datasets/validate and `headway data check` list all faults"
        yield InvalidInput(field_of("data.source"), config.data.source, bound, remedy=remedy)


def _list_date_misfits(config: ForecastConfig, coverage: Coverage) -> Iterator[InvalidInput]:
    first, last, data = coverage.first_at, coverage.last_at, config.data
    if first is None or last is None:
        return
    span = f"{coverage.filename} goes from {first:{_TO_THE_SECOND}} to {last:{_TO_THE_SECOND}}"
    remedy = "Give a date between the two, or leave it out"
    if data.start_at and data.start_at > last:
        yield InvalidInput(field_of("data.start_date"), data.start_date, span, remedy=remedy)
    if data.end_at and data.end_at <= first:
        yield InvalidInput(field_of("data.end_date"), data.end_date, span, remedy=remedy)


def _list_horizon_misfits(config: ForecastConfig, rows: int) -> Iterator[InvalidInput]:
    horizons, base = config.horizons, config.data.base_timeframe
    lengths = (
        ("horizons.next_bars", horizons.next_bars, horizons.next_bars),
        ("horizons.short", horizons.short, config.short_bars),
        ("horizons.long", horizons.long, config.long_bars),
    )
    for key, value, bars in lengths:
        if bars >= rows:
            bound = f"{bars} bars of {base} must be fewer than the {rows} that there are"
            yield InvalidInput(field_of(key), value, bound, remedy="Give a shorter horizon, or more candles")


def _list_row_misfits(config: ForecastConfig, coverage: Coverage, plan: RowPlan) -> Iterator[InvalidInput]:
    if plan.usable == 0:
        density = density_of(config, coverage)
        passing = {name: bars_before_first(config, name, density) for name in config.data.timeframes}
        worst = max(passing, key=passing.__getitem__)
        bound = (
            f"{passing[worst]} bars of {config.data.base_timeframe} pass before {worst} has its features and a context "
            f"of {config.model.context_bars} bars; {coverage.filename} has {plan.rows}"
        )
        remedy = f"Leave {worst} out, give more candles, a smaller variant or indicators that look back less"
        yield InvalidInput(field_of("data.timeframes"), worst, bound, remedy=remedy)
    elif not plan.enough:
        bound = (
            f"{coverage.filename} has {plan.rows} bars of {config.data.base_timeframe}; {plan.usable} have a whole "
            f"context of {config.model.context_bars} bars on each of {', '.join(config.data.timeframes)}, which leaves "
            f"{plan.train} to train, {plan.validation} to validate, {plan.judged} to test; at least {MIN_ROWS} of each "
            "are needed"
        )
        remedy = "Give more candles, fewer timeframes, a smaller variant or shorter horizons"
        yield InvalidInput(field_of("data.source"), config.data.source, bound, remedy=remedy)


def _list_batch_misfits(config: ForecastConfig, plan: RowPlan) -> Iterator[InvalidInput]:
    training = config.training
    if training.batch_size > plan.train:
        bound = f"at most {plan.train}, the rows that there are to train on"
        remedy = "Give a smaller batch, or more candles"
        yield InvalidInput(field_of("training.batch_size"), training.batch_size, bound, remedy=remedy)
    most = training.max_windows_per_epoch
    if most is not None and training.batch_size > most:
        key = "training.max_windows_per_epoch"
        yield InvalidInput(
            field_of(key), most, f"at least a batch of {training.batch_size} rows", remedy="Leave it out"
        )
