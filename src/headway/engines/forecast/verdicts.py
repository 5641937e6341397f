"""What the report and the result say of a forecast beside its baselines, in plain words."""

from __future__ import annotations

from headway.engines.forecast.assess import NO_INTERVAL, NOTHING_TO_JUDGE, Assessment, Comparison
from headway.engines.pages.wording import GAP, percent


def verdict(assessment: Assessment) -> str:
    """Of the path, against no change; where it is better, against the linear model too."""
    still, linear = assessment.path
    if still.skill is None or still.interval is None:
        return f"Nothing can be said of the path: {_why(still)}."
    if not still.is_better:
        word = "Worse than" if still.is_better is False else "No better than"
        return f"{word} the naive forecast of no change: {_spell(still, 'squared error')}."
    beaten = f"Better than the naive forecast of no change: {_spell(still, 'squared error')}."
    if linear.is_better:
        return f"{beaten} Better than a linear model of the newest features, too."
    word = "worse" if linear.is_better is False else "no better"
    return f"{beaten} It is {word} than a linear model of the newest features."


def trend_verdict(name: str, comparison: Comparison) -> str:
    """Of one trend, against how often down, flat and up came on the train rows."""
    if comparison.skill is None or comparison.interval is None:
        return f"{name} trend: nothing can be said, {_why(comparison)}."
    words = {True: "better than", False: "worse than", None: "no better than"}[comparison.is_better]
    return f"{name} trend: {words} the frequencies of the train rows: {_spell(comparison, 'Brier score')}."


def verdicts(assessment: Assessment) -> tuple[str, str, str]:
    """Of the path, the short and the long trend."""
    return (
        verdict(assessment),
        trend_verdict("Short", assessment.short),
        trend_verdict("Long", assessment.long),
    )


def _spell(comparison: Comparison, loss: str) -> str:
    """`the squared error is 1.20 % lower (95 % interval: 0.30 % higher to 2.70 % lower)`."""
    low, high = (_change(bound) for bound in comparison.interval or (0.0, 0.0))
    return f"the {loss} is {_change(comparison.skill or 0.0)} (95{GAP}% interval: {low} to {high})"


def _change(avoided: float) -> str:
    return f"{percent(abs(avoided)).text} {'lower' if avoided > 0.0 else 'higher'}"


def _why(comparison: Comparison) -> str:
    return NOTHING_TO_JUDGE if comparison.skill is None else NO_INTERVAL
