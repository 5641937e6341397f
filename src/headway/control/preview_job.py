"""What a PPO job would come to, without creating anything: hours, cost, candles, place in the queue."""

from __future__ import annotations

from dataclasses import dataclass

from headway.control.context import Context
from headway.control.preflight import preflight
from headway.control.preview import find_position
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.limits import estimate_cost_usd
from headway.domain.specs import Spec
from headway.domain.trading import TradingConfig


@dataclass(frozen=True)
class JobPreview:
    """Estimates. `rows` by symbol: None where the bars cannot be counted cheaply."""

    planned_s: float | None
    hard_s: float | None
    cost_usd: float
    max_cost_usd: float | None
    rows: dict[str, int | None]
    queue_position: int
    warnings: list[str]


def preview_job(context: Context, spec: Spec) -> JobPreview:
    """What a job would come to."""
    limits = spec.limits
    config = TradingConfig.from_json(spec.config)
    return JobPreview(
        planned_s=limits.duration_s,
        hard_s=limits.hard_duration_s,
        cost_usd=estimate_cost_usd((limits.duration_s or 0.0) / 3600.0, limits.usd_per_hour),
        max_cost_usd=limits.max_cost_usd,
        rows={symbol: _count(context, symbol, config.timeframe) for symbol in config.symbols},
        queue_position=find_position(context, spec.priority),
        warnings=_find_refusal(context, spec),
    )


def _count(context: Context, symbol: str, timeframe: str) -> int | None:
    try:
        return context.candles.rows(symbol, timeframe)
    except DataError:
        return None  # the refusal says why


def _find_refusal(context: Context, spec: Spec) -> list[str]:
    try:
        preflight(context, spec)
    except PreflightFailed as error:
        return [str(error)]
    return []
