"""What a result says: the headline numbers, and the engine's own account with the reason of each missing one."""

from __future__ import annotations

from dataclasses import asdict

from headway.domain.json import JsonObject, finite
from headway.engines.ppo import verdicts
from headway.engines.ppo.assess import Assessment, Comparison
from headway.engines.ppo.learn import Learned
from headway.engines.ppo.prepare import Prepared
from headway.engines.ppo.windows import PURGE_BARS
from headway.evaluation.trading import Interval, Performance, excludes_zero

Metrics = dict[str, float | None]


def summarize_metrics(
    learned: Learned, assessment: Assessment, comparison: Comparison, context: JsonObject
) -> Metrics:
    """The headline numbers of the test window; each finite or None."""
    agent, held = assessment.agent, assessment.buy_and_hold
    generation = context.get("generation")
    values: Metrics = {
        "sharpe": agent.sharpe,
        "return_fraction": agent.return_fraction,
        "max_drawdown_fraction": agent.max_drawdown_fraction,
        "win_rate_fraction": agent.win_rate_fraction,
        "trades": agent.trades,
        "turnover": agent.turnover,
        "sharpe_low": agent.sharpe_low,
        "sharpe_high": agent.sharpe_high,
        "generation": generation if isinstance(generation, int) else None,
        "improvement_percent": comparison.improvement_percent,
        "buy_hold_sharpe": held.sharpe,
        "buy_hold_return_fraction": held.return_fraction,
        "buy_hold_max_drawdown_fraction": held.max_drawdown_fraction,
        "steps": learned.steps,
        "steps_per_s": learned.steps_per_s,
    }
    return {name: finite(value) for name, value in values.items()}


def summarize_details(
    prepared: Prepared, learned: Learned, assessment: Assessment, comparison: Comparison
) -> JsonObject:
    """Baselines, intervals, windows, costs, symbols, and why numbers are missing."""
    rules = prepared.plan.rules
    found = {result.symbol for result in assessment.results}
    return {
        "interval_excludes_buy_and_hold": excludes_zero(assessment.difference),
        "sharpe_difference_interval": _pair(assessment.difference),
        "agent": assessment.agent.to_json(),
        "buy_and_hold": assessment.buy_and_hold.to_json(),
        "symbols": {
            result.symbol: {"agent": result.agent.to_json(), "buy_and_hold": result.buy_and_hold.to_json()}
            for result in assessment.results
        },
        "symbols_without_result": [name for name in prepared.config.symbols if name not in found],
        "windows": [asdict(window) for window in prepared.windows.describe()],
        "purge_bars": PURGE_BARS,
        "bars_per_year": prepared.plan.bars_per_year,
        "costs": {
            "fee_bps": rules.fee_bps,
            "slippage_bps": rules.slippage_bps,
            "allow_short": rules.allow_short,
        },
        "training": {
            "elapsed_s": learned.elapsed_s,
            "best_step": learned.best.step,
            "validations": len(learned.validations),
        },
        "predecessor": comparison.to_json(),
        "missing": _explain(learned, assessment, comparison),
    }


def _explain(learned: Learned, assessment: Assessment, comparison: Comparison) -> dict[str, str]:
    """{name of a missing number: why}."""
    missing = {} if comparison.why is None else {"improvement_percent": comparison.why}
    if learned.steps_per_s is None:
        missing["steps_per_s"] = "this attempt had no steps left to train"
    if assessment.difference is None:
        missing["sharpe_difference_interval"] = verdicts.NO_INTERVAL
    missing |= _explain_performance(assessment.agent, "")
    return missing | _explain_performance(assessment.buy_and_hold, "buy_hold_")


def _explain_performance(performance: Performance, prefix: str) -> dict[str, str]:
    reasons = {
        "sharpe": (performance.sharpe, verdicts.STILL),
        "sharpe_low": (performance.sharpe_low, verdicts.NO_INTERVAL),
        "sharpe_high": (performance.sharpe_high, verdicts.NO_INTERVAL),
        "win_rate_fraction": (performance.win_rate_fraction, "no trade was closed"),
    }
    return {f"{prefix}{name}": why for name, (value, why) in reasons.items() if value is None}


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
