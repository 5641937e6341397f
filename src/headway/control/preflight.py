"""What must be there before a run is accepted: the engine, enough data, room on the disk. Cheap: no file is read."""

from __future__ import annotations

import shutil

from headway.control.context import Context
from headway.control.forecast_plan import MIN_ROWS, plan_rows, rows_within
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.specs import Spec
from headway.domain.trading import MIN_BARS, TradingConfig
from headway.wire.forecast import ForecastConfig


def preflight(context: Context, spec: Spec) -> None:
    """Raises PreflightFailed, with the reason and what to do, when the run could not succeed here."""
    context.engines.require(spec.engine)
    _require_disk(context)
    if spec.engine == "ppo":
        _require_candles(context, TradingConfig.from_json(spec.config))
    if spec.engine == "forecast":
        _require_rows(context, ForecastConfig.model_validate(spec.config))


def _require_rows(context: Context, config: ForecastConfig) -> None:
    try:
        coverage = context.candles.coverage(config.data.source, config.data.base_timeframe)
    except DataError as error:
        raise PreflightFailed(str(error), reason=Reason.DATA_UNAVAILABLE) from error
    rows = rows_within(config, coverage)
    if rows is None:
        return
    plan = plan_rows(config, rows)
    if not plan.enough:
        raise PreflightFailed(
            f"{coverage.filename} has {rows} bars of {config.data.base_timeframe}; {plan.usable} have a whole context "
            f"of {config.model.context_bars} bars on each of {', '.join(config.data.timeframes)}, which leaves "
            f"{plan.train} to train, {plan.validation} to validate, {plan.test} to test; at least {MIN_ROWS} of each "
            "are needed: give more candles, fewer timeframes, a smaller variant or shorter horizons",
            reason=Reason.DATA_UNAVAILABLE,
        )


def _require_disk(context: Context) -> None:
    policy = context.policy
    free = shutil.disk_usage(policy.runs_dir).free
    if free < policy.min_free_bytes:
        raise PreflightFailed(
            f"{free >> 20} MiB are free in {policy.runs_dir}, {policy.min_free_bytes >> 20} MiB are needed: "
            "free some space, or lower HEADWAY_MIN_FREE_MB",
            reason=Reason.DISK_FULL,
        )


def _require_candles(context: Context, config: TradingConfig) -> None:
    for symbol in config.symbols:
        try:
            rows = context.candles.rows(symbol, config.timeframe)
        except DataError as error:
            raise PreflightFailed(str(error), reason=Reason.DATA_UNAVAILABLE) from error
        if rows is not None and rows < MIN_BARS:
            raise PreflightFailed(
                f"{symbol} has {rows} bars of {config.timeframe}, at least {MIN_BARS} are needed: "
                "fetch more with `headway data fetch`",
                reason=Reason.DATA_UNAVAILABLE,
            )
