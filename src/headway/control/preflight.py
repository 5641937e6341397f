"""What must be there before a run is accepted: the engine, enough data, room on the disk. Cheap: no file is read."""

from __future__ import annotations

import shutil

from headway.control.context import Context
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.specs import Spec
from headway.domain.trading import MIN_BARS, TradingConfig


def preflight(context: Context, spec: Spec) -> None:
    """Raises PreflightFailed, with the reason and what to do, when the run could not succeed here."""
    context.engines.require(spec.engine)
    _require_disk(context)
    if spec.engine == "ppo":
        _require_candles(context, TradingConfig.from_json(spec.config))


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
