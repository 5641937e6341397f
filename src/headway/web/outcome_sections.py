"""What the results of a run show beside its curves: numbers with their intervals, errors by bars ahead. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headway.domain.json import JsonObject

TITLES = {"ppo": "Test window", "forecast": "Forecasts against what came"}

_COMPARED = (
    ("Path, no change", "path", 0),
    ("Path, linear", "path", 1),
    ("Short trend", "short", None),
    ("Long trend", "long", None),
)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None where there is none."""

    label: str
    value: float | None
    low: float | None
    high: float | None


def told_of(engine: str, details: Mapping[str, Any]) -> JsonObject:
    """What scripts draw besides the tables of the run; empty lists before there is a result."""
    if engine == "ppo":
        return {"intervals": [asdict(found) for found in sharpe_estimates(details)], "errors": []}
    return {"intervals": [asdict(found) for found in skill_estimates(details)], "errors": bar_errors(details)}


def sharpe_estimates(details: Mapping[str, Any]) -> list[Estimate]:
    """Annualised Sharpe ratios of the agent, of buy and hold, and their difference."""
    if not details.get("agent") or not details.get("buy_and_hold"):
        return []
    agent, held = details["agent"], details["buy_and_hold"]
    both = (agent["sharpe"], held["sharpe"])
    gap = None if None in both else both[0] - both[1]
    low, high = details.get("sharpe_difference_interval") or (None, None)
    return [
        *(
            Estimate(label, each["sharpe"], each["sharpe_low"], each["sharpe_high"])
            for label, each in (("Agent", agent), ("Buy and hold", held))
        ),
        Estimate("Difference", gap, low, high),
    ]


def skill_estimates(details: Mapping[str, Any]) -> list[Estimate]:
    """How much smaller the loss on the test rows is than that of each baseline, as a fraction."""
    compared = (details.get("test") or {}).get("comparisons")
    if not compared:
        return []
    found = [(label, compared[name] if at is None else compared[name][at]) for label, name, at in _COMPARED]
    return [
        Estimate(label, each["skill"], *(each["skill_interval"] or (None, None))) for label, each in found
    ]


def bar_errors(details: Mapping[str, Any]) -> list[JsonObject]:
    """RMSE on the test rows for each bar ahead, of the model and of the baselines, in log returns."""
    test = details.get("test") or {}
    columns = {name: (test.get(name) or {}).get("by_bar", []) for name in ("model", "no_change", "linear")}
    return [
        {"bar": bar, **{name: scores["rmse"] for name, scores in zip(columns, row, strict=True)}}
        for bar, row in enumerate(zip(*columns.values(), strict=False), 1)
    ]
