"""What a run would come to, without creating anything: rows, size, time, place in the queue, and every warning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from headway.control.context import Context
from headway.control.forecast_fit import Fit, find_fit
from headway.control.forecast_plan import RowPlan
from headway.control.forecast_time import TimeEstimate, estimate_time
from headway.control.preflight import preflight
from headway.domain.coverage import Coverage
from headway.domain.durations import parse_duration_s
from headway.domain.errors import DataError, InvalidInput, PreflightFailed
from headway.domain.forecast_size import count_parameters, estimate_training_bytes
from headway.domain.specs import Spec
from headway.ports import Transaction
from headway.wire.forecast import ForecastConfig
from headway.wire.forecast_shape import shape_of

_QUEUE_LIMIT = 100_000
_NOTHING_LIKE_IT = (
    "no run of about this size has finished on this machine yet: speed is measured, not guessed"
)


@dataclass(frozen=True)
class Preview:
    """Estimates; None has its reason in `missing`."""

    config: ForecastConfig
    coverages: dict[str, Coverage | None]
    plan: RowPlan | None
    parameters: int
    memory_bytes: int
    time: TimeEstimate | None
    cost_usd: float | None
    queue_position: int
    refusals: tuple[InvalidInput, ...]  # why POST /runs would refuse it; `warnings` has them too
    warnings: list[str]
    missing: dict[str, str] = field(default_factory=dict)


def preview(context: Context, spec: Spec) -> Preview:
    """What a forecasting run would come to."""
    config = ForecastConfig.model_validate(spec.config)
    coverages, problems = _cover(context, config)
    fit = find_fit(context, config)
    plan = fit.plan
    missing = {} if plan else {"rows": _why_no_rows(fit)}
    shape = shape_of(config)
    memory = estimate_training_bytes(shape, config.training.batch_size)
    time, why = _estimate_time(context, config, plan)
    price = context.policy.usd_per_hour
    cost = 0.0 if price <= 0.0 else time.high_s / 3600.0 * price if time else None
    missing |= {name: why for name, value in (("time", time), ("estimated_cost_usd", cost)) if value is None}
    found = Preview(
        config=config,
        coverages=coverages,
        plan=plan,
        parameters=count_parameters(shape),
        memory_bytes=memory,
        time=time,
        cost_usd=cost,
        queue_position=find_position(context, spec.priority),
        refusals=fit.misfits,
        warnings=[str(each) for each in fit.misfits] or problems,
        missing=missing,
    )
    found.warnings.extend(warn(found, spec))
    found.warnings.extend(_refusal(context, spec, found.warnings))
    return found


def warn(found: Preview, spec: Spec) -> Iterator[str]:
    """Whatever a person should know before starting."""
    config, plan = found.config, found.plan
    base, base_s = config.data.base_timeframe, config.data.base_s
    for name, horizon in (("short", config.horizons.short), ("long", config.horizons.long)):
        if parse_duration_s(horizon) % base_s:
            yield f"the {name} horizon of {horizon} is no multiple of {base}: the first bar after it is judged"
    if plan is not None and plan.enough and found.parameters > 100 * plan.train:
        yield f"{found.parameters:,} parameters learn from {plan.train:,} rows: a smaller variant may do better"
    limits = spec.limits
    if limits.memory_bytes is not None and found.memory_bytes > limits.memory_bytes:
        yield f"training needs about {found.memory_bytes >> 20} MiB, the limit is {limits.memory_bytes >> 20} MiB"
    hard_s = limits.hard_duration_s
    if found.time is not None and hard_s is not None and found.time.high_s > hard_s:
        yield f"it may take {found.time.high_s / 3600:.1f} hours and is stopped after {hard_s / 3600:g}"
    budget_s = limits.budget_s
    if found.time is not None and budget_s is not None and found.time.high_s > budget_s:
        cost = found.time.high_s / 3600 * limits.usd_per_hour
        yield f"it may cost ${cost:.2f} and is stopped at ${limits.max_cost_usd:g}"


def _why_no_rows(fit: Fit) -> str:
    if fit.misfits:
        return str(fit.misfits[0])
    return (fit.coverage.problem if fit.coverage else None) or "the bars cannot be counted cheaply"


def _cover(context: Context, config: ForecastConfig) -> tuple[dict[str, Coverage | None], list[str]]:
    found: dict[str, Coverage | None] = {}
    problems: list[str] = []
    for name in config.data.timeframes:
        try:
            found[name] = context.candles.coverage(config.data.source, name)
        except DataError as error:
            found[name] = None
            problems.append(str(error))
    return found, problems


def _refusal(context: Context, spec: Spec, told: list[str]) -> Iterator[str]:
    """Why the run would be refused, unless that was told already."""
    try:
        preflight(context, spec)
    except PreflightFailed as error:
        if str(error) not in told:
            yield str(error)


def find_position(context: Context, priority: int) -> int:
    """Where a run of a priority would stand in the queue now; 0 is next to start."""
    return context.store.read(lambda tx: _position(tx, priority))


def _position(tx: Transaction, priority: int) -> int:
    ids = tx.queued(_QUEUE_LIMIT)
    return bisect_right(ids, -priority, key=lambda run_id: -tx.get_run(run_id).spec.priority)


def _estimate_time(
    context: Context, config: ForecastConfig, plan: RowPlan | None
) -> tuple[TimeEstimate | None, str]:
    if plan is None:
        return None, "the number of rows is not known"
    time = context.store.read(lambda tx: estimate_time(tx, config, plan))
    return time, "" if time else _NOTHING_LIKE_IT
