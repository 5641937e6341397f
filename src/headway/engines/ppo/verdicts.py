"""What the report says of an agent beside buy and hold."""

from __future__ import annotations

from headway.engines.pages.wording import GAP, between
from headway.evaluation.trading import MIN_BARS, Interval, Performance

STILL = "nothing moved"
NO_INTERVAL = f"fewer than {MIN_BARS} bars, or too few of them move"


def interval_of(performance: Performance) -> Interval | None:
    low, high = performance.sharpe_low, performance.sharpe_high
    return None if low is None or high is None else (low, high)


def verdict(difference: Interval | None) -> str:
    """What the interval of the difference of the Sharpe ratios, agent less buy and hold, says."""
    if difference is None:
        return f"No interval can be given for the difference between agent and buy and hold: {NO_INTERVAL}."
    span = f"the 95{GAP}% interval of the difference of the Sharpe ratios, {between(difference).text}"
    if difference[0] > 0.0:
        return f"Better than buy and hold in this window: {span}, lies above 0."
    if difference[1] < 0.0:
        return f"Worse than buy and hold in this window: {span}, lies below 0."
    return f"Not distinguishable from buy and hold: {span}, includes 0."
