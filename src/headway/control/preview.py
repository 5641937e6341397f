"""What a run would come to, without creating anything: rows, size, time, place in the queue, and every warning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from headway.control.context import Context
from headway.control.forecast_fit import Fit, find_fit
from headway.control.forecast_plan import RowPlan
from headway.control.preflight import preflight
from headway.control.translate_runs import FORECAST
from headway.domain.coverage import Coverage
from headway.domain.durations import parse_duration_s
from headway.domain.errors import DataError, InvalidInput, PreflightFailed
from headway.domain.forecast_size import count_parameters, estimate_training_bytes
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.ports import RunFilter, Transaction
from headway.wire.forecast import ForecastConfig
from headway.wire.forecast_shape import shape_of

_LIKE_RUNS = 50  # newest finished runs that are asked for their speed
_QUEUE_LIMIT = 100_000


@dataclass(frozen=True)
class TimeEstimate:
    """From the fewest epochs at the highest speed measured, to all epochs at the lowest."""

    low_s: float
    high_s: float
    measured_on: int


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
    rates = context.store.read(lambda tx: _rates_of_like(tx, config))
    if not rates:
        return None, "no run of this size has finished on this machine yet: speed is measured, not guessed"
    training = config.training
    windows = min(plan.train, training.max_windows_per_epoch or plan.train)
    batches = ceil(windows / training.batch_size)
    epochs = training.max_epochs
    fewest = min(training.patience + 1, epochs) if training.patience else epochs
    return TimeEstimate(fewest * batches / max(rates), epochs * batches / min(rates), len(rates)), ""


def _rates_of_like(tx: Transaction, config: ForecastConfig) -> list[float]:
    """Steps a second of finished runs whose steps are as large."""
    which = RunFilter(engines=frozenset({FORECAST}), states=frozenset({State.DONE}), limit=_LIKE_RUNS)
    wanted = _size_of(config.model_dump(mode="json"))
    return [
        run.progress.rate_per_s
        for run in tx.list_runs(which).runs
        if run.progress.rate_per_s and _size_of(run.spec.config) == wanted
    ]


def _size_of(config: Any) -> tuple[object, ...]:
    """What decides how long a step takes."""
    model, training = config["model"], config["training"]
    sizes = ("d_model", "n_layers_tf", "n_layers_fusion", "ff_mult", "patch_len", "stride", "context_patches")
    return (
        *(model[name] for name in sizes),
        training["batch_size"],
        training["precision"],
        len(config["data"]["timeframes"]),
    )
