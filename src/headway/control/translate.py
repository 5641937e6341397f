"""Between the words of the jobs API and a Spec: bounds, defaults and the steps-to-hours rule. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from headway.control.context import Policy
from headway.domain.errors import InvalidInput
from headway.domain.limits import MIN_HOURS, Limits, hours_from_steps, require_affordable, require_hours
from headway.domain.specs import Spec
from headway.domain.subjects import symbols_of, timeframes_of
from headway.domain.trading import TradingConfig, require_features, require_symbols, require_timeframe
from headway.wire.jobs import RealSessionRequest, ResumeRequest, TrainingRequest

JOBS = "jobs"
REAL_SESSION = "real-session"
_MIN_SESSION_HOURS = 0.1
_MAX_SESSION_HOURS = 6.0


@dataclass(frozen=True)
class Hours:
    """How long a run may take: the engine ends at `planned`, the supervisor stops it at `hard`."""

    planned: float
    hard: float


def spec_of_job(request: TrainingRequest, policy: Policy) -> Spec:
    """The spec of a job; InvalidInput naming field, value, bound and remedy."""
    hours = _hours_of_job(request, policy)
    return Spec(
        engine="ppo",
        config=_trading_config(request, policy).to_json(),
        limits=_limits(hours, _max_cost(request, policy), policy),
        seed=pick_seed(request.seed),
        priority=request.priority,
        notes=request.notes,
        origin=JOBS,
        request=request.model_dump(mode="json", by_alias=True),
    )


def spec_of_session(request: RealSessionRequest, policy: Policy) -> Spec:
    """The spec of a synchronous session: `duration` 0.1 to 6 hours, as those who call it are used to."""
    if not _MIN_SESSION_HOURS <= request.duration <= _MAX_SESSION_HOURS:
        bound = f"between {_MIN_SESSION_HOURS:g} and {_MAX_SESSION_HOURS:g} hours"
        raise InvalidInput(
            "duration", request.duration, bound, remedy="Longer trainings go to /api/training/jobs"
        )
    hard = request.duration + _MIN_SESSION_HOURS
    return Spec(
        engine="ppo",
        config=_trading_config(request, policy).to_json(),
        limits=_limits(Hours(request.duration, hard), policy.ceiling_cost_usd, policy),
        seed=pick_seed(request.seed),
        origin=REAL_SESSION,
        request=request.model_dump(mode="json", by_alias=True),
    )


def limits_of_resume(request: ResumeRequest, old: Limits, policy: Policy) -> Limits:
    """The limits of a run that goes on: raised where the request says so, within the server's ceilings.

    What the server's settings decide is taken from them anew: whoever raised the memory limit resumes with it.
    """
    hard_s, cost = old.hard_duration_s, old.max_cost_usd
    if request.max_duration_hours is not None:
        hard_s = _require_max_hours(request.max_duration_hours, policy) * 3600.0
    if request.max_cost_usd is not None:
        cost = _require_cost(request.max_cost_usd, policy)
    decided_here = {"memory_bytes": policy.memory_bytes, "grace_s": policy.grace_s}
    return Limits.from_json(
        {**old.to_json(), **decided_here, "hard_duration_s": hard_s, "max_cost_usd": cost}
    )


def series_of(spec: Spec) -> str:
    """Runs with the same series are generations of one another: same symbols, timeframes and version."""
    if spec.engine != "ppo":
        return f"{','.join(sorted(symbols_of(spec)))}|{','.join(timeframes_of(spec))}"
    config = TradingConfig.from_json(spec.config)
    return f"{','.join(sorted(config.symbols))}|{config.timeframe}|{config.version}"


def _hours_of_job(request: TrainingRequest, policy: Policy) -> Hours:
    ceiling = _max_hours(request, policy)
    if request.duration_hours is not None:
        return Hours(require_hours(request.duration_hours, ceiling_hours=ceiling), ceiling)
    if request.steps is not None:
        return Hours(hours_from_steps(request.steps, ceiling_hours=ceiling), ceiling)
    return Hours(MIN_HOURS, ceiling)


def _max_hours(request: TrainingRequest, policy: Policy) -> float:
    """As asked for, within bounds; not asked for, the default or the server's lower ceiling."""
    if "max_duration_hours" in request.model_fields_set:
        return _require_max_hours(request.max_duration_hours, policy)
    return min(request.max_duration_hours, policy.ceiling_hours)


def _max_cost(request: TrainingRequest, policy: Policy) -> float:
    """As `_max_hours`, for the budget."""
    if "max_cost_usd" in request.model_fields_set:
        return _require_cost(request.max_cost_usd, policy)
    return min(request.max_cost_usd, policy.ceiling_cost_usd)


def _require_max_hours(hours: float, policy: Policy) -> float:
    if not MIN_HOURS <= hours <= policy.ceiling_hours:
        bound = f"between {MIN_HOURS:g} and {policy.ceiling_hours:g} hours"
        raise InvalidInput(
            "maxDurationHours", hours, bound, remedy="HEADWAY_MAX_HOURS sets the server's ceiling"
        )
    return hours


def _require_cost(cost: float, policy: Policy) -> float:
    if not 0.0 <= cost <= policy.ceiling_cost_usd:
        bound = f"between 0 and {policy.ceiling_cost_usd:g} US dollars"
        raise InvalidInput("maxCostUsd", cost, bound, remedy="HEADWAY_MAX_COST_USD sets the server's ceiling")
    return cost


def _trading_config(request: TrainingRequest | RealSessionRequest, policy: Policy) -> TradingConfig:
    return TradingConfig(
        symbols=require_symbols(tuple(request.symbols), policy.symbols),
        timeframe=require_timeframe(request.timeframe),
        features=require_features(tuple(request.features)),
        steps=request.steps,
        version=request.version,
        allow_short=request.allow_short,
        fee_bps=request.fee_bps,
        slippage_bps=request.slippage_bps,
        skip_validation=request.skip_validation,
    )


def _limits(hours: Hours, max_cost_usd: float, policy: Policy) -> Limits:
    require_affordable(hours.planned, usd_per_hour=policy.usd_per_hour, max_cost_usd=max_cost_usd)
    return Limits(
        duration_s=hours.planned * 3600.0,
        hard_duration_s=hours.hard * 3600.0,
        max_cost_usd=max_cost_usd,
        usd_per_hour=policy.usd_per_hour,
        memory_bytes=policy.memory_bytes,
        grace_s=policy.grace_s,
        cpus=1,
        threads=policy.threads_per_slot,
    )


def pick_seed(asked: int | None) -> int:
    """The seed asked for, else a fresh one: frozen at submit, so that every attempt trains with the same."""
    return asked if asked is not None else secrets.randbelow(2**31)
