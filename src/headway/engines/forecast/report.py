"""The report of a forecasting run: one HTML file that needs no network and no server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headway.domain.manifest import Manifest
from headway.engines.forecast import verdicts
from headway.engines.forecast.assess import NO_INTERVAL, NOTHING_TO_JUDGE, Assessment
from headway.engines.forecast.figures import (
    Series,
    Validated,
    draw_losses,
    draw_newest,
    draw_rate,
    draw_reliability,
    draw_scatter,
    draw_scores,
)
from headway.engines.forecast.panel import TREND_NAMES, Forecast, Panel
from headway.engines.forecast.scores import PathScores, Scores, TrendScores
from headway.engines.pages import wording
from headway.engines.pages.page import describe_manifest, render_page
from headway.engines.pages.wording import Number, count, missing, percent, ratio
from headway.markets.candles import show_at
from headway.wire.forecast import ForecastConfig
from headway.wire.rundir import write_whole

_MEASURES: tuple[tuple[str, Callable[[TrendScores], Number]], ...] = (
    ("Right", lambda t: percent(t.accuracy, NOTHING_TO_JUDGE)),
    ("F1, mean of the classes", lambda t: ratio(t.f1, NOTHING_TO_JUDGE, digits=3)),
    ("Matthews correlation", lambda t: ratio(t.mcc, NOTHING_TO_JUDGE, digits=3)),
    ("Brier score", lambda t: ratio(t.brier, NOTHING_TO_JUDGE, digits=4)),
    ("Calibration error", lambda t: ratio(t.ece, NOTHING_TO_JUDGE, digits=4)),
    ("Area under the ROC curve", lambda t: ratio(t.auroc, NOTHING_TO_JUDGE, digits=3)),
)
_NONE = Number("")  # a cell that stands for nothing
_NO_BOUNDS = "the model gives no interval"


@dataclass(frozen=True)
class History:
    """What the training came to. The series are (step, value); one that was not kept is empty."""

    steps: int
    epochs: int
    elapsed_s: float
    best_step: int
    validations: Sequence[Validated]
    train_loss: Series = ()
    learning_rate: Series = ()


@dataclass(frozen=True)
class ReportContents:
    """All that a report shows. `forecast` and `assessment` are of the panel's test rows."""

    title: str
    manifest: Manifest
    config: ForecastConfig
    panel: Panel
    forecast: Forecast
    assessment: Assessment
    history: History

    def __post_init__(self) -> None:
        rows = len(self.panel.windows["test"])
        if len(self.forecast) != rows:
            raise ValueError(f"a forecast of {len(self.forecast)} rows for {rows} test rows")

    @property
    def data_label(self) -> str | None:
        """What the data are when they are not the user's own."""
        return self.panel.data_source.label

    @property
    def simulated(self) -> bool:
        return self.panel.data_source.origin == "simulated"


def write_report(path: Path, contents: ReportContents) -> None:
    """Write the report so that it is there whole or not at all."""
    write_whole(path, render_report(contents).encode())


def render_report(contents: ReportContents) -> str:
    """The HTML of a report."""
    return render_page(Path(__file__).parent / "templates", view_of(contents))


def view_of(contents: ReportContents) -> dict[str, Any]:
    """What the template is given: text and geometry only."""
    panel, forecast, history = contents.panel, contents.forecast, contents.history
    rows = panel.windows["test"]
    training = (
        draw_losses(history.train_loss, history.validations, history.best_step),
        draw_rate(history.learning_rate),
        *draw_scores(history.validations, history.best_step),
    )
    calibration = (
        draw_reliability("Short", forecast.short_probabilities, panel.short_target[rows]),
        draw_reliability("Long", forecast.long_probabilities, panel.long_target[rows]),
    )
    return {
        "c": contents,
        "w": wording,
        "facts": describe_manifest(contents.manifest),
        "verdicts": verdicts.verdicts(contents.assessment),
        "path": _path_rows(contents.assessment),
        "by_bar": _bar_rows(contents.assessment),
        "trends": [_trend_view(name, contents) for name in ("short", "long")],
        "newest": draw_newest(panel, rows, forecast),
        "scatter": draw_scatter(panel, rows, forecast),
        "calibration": [chart for chart in calibration if chart],
        "training_charts": [chart for chart in training if chart],
        "windows": _windows(panel),
        "streams": _streams(panel),
        "trend_names": TREND_NAMES,
    }


def _path_rows(assessment: Assessment) -> list[tuple[str, Number, Number, Number]]:
    """(measure, model, no change, linear) of all bars ahead pooled."""
    found = (assessment.model.path, assessment.no_change.path, assessment.linear.path)
    model, still, linear = ([_exact(p.rmse), _exact(p.mae), *_bounds(p)] for p in found)
    names = ("RMSE", "Mean absolute error", "Within the interval of 80 %", "Mean width of the interval")
    accuracies = (assessment.model.path.da, assessment.majority_da, assessment.linear.path.da)
    first, second, third = (percent(accuracy, NOTHING_TO_JUDGE) for accuracy in accuracies)
    to_still, to_linear = (_skill(comparison.skill) for comparison in assessment.path)
    span_still, span_linear = (
        wording.percent_between(comparison.interval, NO_INTERVAL) for comparison in assessment.path
    )
    span_da = wording.percent_between(assessment.da_interval, NO_INTERVAL)
    return [
        *zip(names, model, still, linear, strict=True),
        ("Directional accuracy", first, second, third),
        ("Its 95 % interval", span_da, _NONE, _NONE),
        ("Squared error avoided by the model", _NONE, to_still, to_linear),
        ("Its 95 % interval", _NONE, span_still, span_linear),
    ]


def _bar_rows(assessment: Assessment) -> list[tuple[int, list[Number]]]:
    """(bars ahead, numbers); nothing for a path of one bar, which is the whole."""
    if len(assessment.model.by_bar) < 2:
        return []
    pairs = zip(assessment.model.by_bar, assessment.no_change.by_bar, assessment.linear.by_bar, strict=True)
    return [
        (
            h,
            [_exact(m.rmse), _exact(s.rmse), _exact(li.rmse), percent(m.da, NOTHING_TO_JUDGE), *_bounds(m)],
        )
        for h, (m, s, li) in enumerate(pairs, 1)
    ]


def _trend_view(name: str, contents: ReportContents) -> dict[str, Any]:
    assessment, config = contents.assessment, contents.config
    model, base = _trend(assessment.model, name), _trend(assessment.no_change, name)
    total = max(1, *(cell for row in model.confusion for cell in row))
    return {
        "name": name.capitalize(),
        "horizon": getattr(config.horizons, name),
        "rows": count(model.rows),
        "measures": [(label, show(model), show(base)) for label, show in _MEASURES],
        "confusion": [
            (TREND_NAMES[k], [(count(cell), cell / total) for cell in row])
            for k, row in enumerate(model.confusion)
        ],
    }


def _trend(scores: Scores, name: str) -> TrendScores:
    return scores.short if name == "short" else scores.long


def _windows(panel: Panel) -> list[tuple[str, str, str, Number, dict[str, list[Number]]]]:
    """(split, first, last, rows, {trend: shares of down, flat, up})."""
    found = []
    for name, rows in panel.windows.items():
        trends = {"short": panel.short_target[rows], "long": panel.long_target[rows]}
        shares = {
            trend: [
                percent(
                    float(np.mean(classes[classes >= 0] == k)) if (classes >= 0).any() else None,
                    NOTHING_TO_JUDGE,
                )
                for k in range(len(TREND_NAMES))
            ]
            for trend, classes in trends.items()
        }
        first, last = (show_at(int(panel.at_s[row])) for row in (rows[0], rows[-1]))
        found.append((name, first, last, count(len(rows)), shares))
    return found


def _streams(panel: Panel) -> list[tuple[str, Number, Number, Number, dict[str, str]]]:
    """(timeframe, bars, features, bars of context, {group: its columns})."""
    found = []
    for timeframe in panel.timeframes:
        groups: dict[str, list[str]] = {}
        for name in panel.feature_names[timeframe]:
            group, column = name.split(".", 1)
            groups.setdefault(group, []).append(column)
        found.append(
            (
                timeframe,
                count(len(panel.streams[timeframe])),
                count(len(panel.feature_names[timeframe])),
                count(panel.context_bars[timeframe]),
                {group: ", ".join(columns) for group, columns in groups.items()},
            )
        )
    return found


def _bounds(scores: PathScores) -> tuple[Number, Number]:
    return percent(scores.coverage, _NO_BOUNDS), _exact(scores.width, _NO_BOUNDS)


def _exact(value: float | None, why: str = NOTHING_TO_JUDGE) -> Number:
    """A log return, in per cent with four decimals: differences of forecasts are small."""
    return missing(why) if value is None else Number(f"{100.0 * value:.4f}{wording.GAP}%")


def _skill(value: float | None) -> Number:
    return percent(value, NOTHING_TO_JUDGE, signed=True)
