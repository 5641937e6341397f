"""What must be there before a run is accepted: the engine, enough data, room on the disk.

What the disk says holds for a moment: of a burst of submits the first looks, and may count the rows of a new file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import product

from headway.control.context import Context
from headway.control.forecast_fit import find_fit
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.specs import Spec
from headway.domain.subjects import symbols_of, timeframes_of
from headway.domain.trading import MIN_BARS
from headway.wire.forecast import ForecastConfig

_MOMENT = timedelta(seconds=1)
_DISK = "disk"


def preflight(context: Context, spec: Spec) -> None:
    """Raises PreflightFailed, with the reason and what to do, when the run could not succeed here."""
    context.engines.require(spec.engine)
    now = context.clock.now()
    for name, look in _looks(context, spec).items():
        if not _holds(context, name, now):
            look()
            context.passed[name] = context.clock.now()
    if spec.engine == "forecast":
        _require_fit(context, ForecastConfig.model_validate(spec.config))


def has_passed(context: Context, spec: Spec) -> bool:
    """Whether `preflight` has just said yes to the like. What a forecast asks of its data is never remembered.

    The engine is asked all the same: PreflightFailed when it is not there.
    """
    now = context.clock.now()
    if spec.engine == "forecast" or not all(_holds(context, name, now) for name in _looks(context, spec)):
        return False
    context.engines.require(spec.engine)
    return True


def _looks(context: Context, spec: Spec) -> dict[str, Callable[[], None]]:
    """What is to be looked at, by name."""
    looks: dict[str, Callable[[], None]] = {_DISK: partial(_require_disk, context)}
    if spec.engine == "ppo":
        for timeframe, symbol in product(timeframes_of(spec), symbols_of(spec)):
            looks[f"{symbol} {timeframe}"] = partial(_require_candles, context, symbol, timeframe)
    return looks


def _holds(context: Context, name: str, now: datetime) -> bool:
    passed_at = context.passed.get(name)
    return passed_at is not None and timedelta() <= now - passed_at < _MOMENT


def _require_fit(context: Context, config: ForecastConfig) -> None:
    misfits = find_fit(context, config).misfits
    if misfits:
        raise PreflightFailed(str(misfits[0]), reason=Reason.DATA_UNAVAILABLE, misfit=misfits[0])


def _require_disk(context: Context) -> None:
    policy = context.policy
    free = shutil.disk_usage(policy.runs_dir).free
    if free < policy.min_free_bytes:
        raise PreflightFailed(
            f"{free >> 20} MiB are free in {policy.runs_dir}, {policy.min_free_bytes >> 20} MiB are needed: "
            "free some space, or lower HEADWAY_MIN_FREE_MB",
            reason=Reason.DISK_FULL,
        )


def _require_candles(context: Context, symbol: str, timeframe: str) -> None:
    try:
        rows = context.candles.rows(symbol, timeframe)
    except DataError as error:
        raise PreflightFailed(str(error), reason=Reason.DATA_UNAVAILABLE) from error
    if rows is not None and rows < MIN_BARS:
        raise PreflightFailed(
            f"{symbol} has {rows} bars of {timeframe}, at least {MIN_BARS} are needed: "
            "fetch more with `headway data fetch`",
            reason=Reason.DATA_UNAVAILABLE,
        )
