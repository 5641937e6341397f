"""The numbers of a result: headline metrics, and the account behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from headway.domain.forecast_size import count_parameters
from headway.domain.json import JsonObject, finite
from headway.domain.manifest import Manifest
from headway.engines.forecast import assess
from headway.engines.forecast.assess import Assessment
from headway.engines.forecast.heads import explain_no_interval
from headway.engines.forecast.judge import Judged
from headway.engines.forecast.learn import Learned
from headway.engines.forecast.plan import Plan, learning_rate_at
from headway.engines.forecast.record import Validation
from headway.engines.forecast.report import History, ReportContents
from headway.engines.forecast.verdicts import verdict, verdicts

_VALIDATION = (
    "da",
    "f1",
    "rmse",
    "mae",
    "mcc",
    "brier",
    "ece",
    "coverage",
)  # of the best weights, as `val_<name>`


def summarize_metrics(plan: Plan, learned: Learned, assessment: Assessment) -> dict[str, float | None]:
    """Headline numbers: of the best weights on validation and on test; errors are log returns."""
    best = find_best(learned)
    validation = {f"val_{name}": best.scores.get(name) for name in _VALIDATION}
    values: dict[str, float | None] = {
        "val_loss": best.loss,
        **validation,
        **assess.summarize_metrics(assessment),
        "epochs": float(learned.epochs),
        "best_epoch": float(best.epoch),
        "steps": float(learned.steps),
        "parameters": float(count_parameters(plan.shape)),
        "windows_per_s": learned.windows_per_s,
    }
    return {name: finite(value) for name, value in values.items()}


def summarize_details(
    plan: Plan, learned: Learned, assessment: Assessment, *, no_meters: Mapping[str, str]
) -> JsonObject:
    """Baselines, verdict, intervals, each bar ahead, the course of the validation, and why numbers are missing;
    `no_meters` says it of numbers of the machine."""
    panel = plan.panel
    missing = {**_explain(plan, learned, assessment), **no_meters}
    return {
        "verdict": verdict(assessment),
        "verdicts": list(verdicts(assessment)),
        "test": assessment.to_json(),
        "training": {
            "elapsed_s": learned.elapsed_s,
            "epochs": learned.epochs,
            "steps": learned.steps,
            "best_epoch": learned.best.epoch,
            "best_step": learned.best.step,
            "precision": plan.machine.precision,
            "device": plan.machine.device,
            "validations": [asdict(found) for found in learned.record.validations],
        },
        "windows": {name: len(rows) for name, rows in panel.windows.items()},
        "purge_bars": plan.config.purge_bars,
        "context_bars": dict(panel.context_bars),
        "target_scale": panel.target_scale,
        "parameters": count_parameters(plan.shape),
        "warnings": list(panel.warnings),
        "missing": missing,
    }


def describe_report(plan: Plan, learned: Learned, judged: Judged, manifest: Manifest) -> ReportContents:
    """What the report shows."""
    training, record = plan.config.training, learned.record
    rates = [
        (step, learning_rate_at(step - 1, plan.steps_total, training)) for step, _ in record.train_losses
    ]
    return ReportContents(
        title=f"Forecast of {plan.config.data.source}, {plan.config.data.base_timeframe}",
        manifest=manifest,
        config=plan.config,
        panel=plan.panel,
        forecast=judged.forecast,
        assessment=judged.assessment,
        history=History(
            steps=learned.steps,
            epochs=learned.epochs,
            elapsed_s=learned.elapsed_s,
            best_step=learned.best.step,
            validations=record.validations,
            train_loss=record.train_losses,
            learning_rate=rates,
        ),
    )


def find_best(learned: Learned) -> Validation:
    """The validation of the best weights."""
    return min(learned.record.validations, key=lambda found: found.loss)


def _explain(plan: Plan, learned: Learned, assessment: Assessment) -> dict[str, str]:
    """{name of a missing number: why}."""
    loss = plan.config.loss
    missing = assess.explain_missing(assessment)
    no_interval = explain_no_interval(loss.regression, loss.quantiles)
    for name, value in summarize_metrics(plan, learned, assessment).items():
        if value is None:
            is_of_interval = name.endswith(("_coverage", "_width")) and no_interval is not None
            missing[name] = str(no_interval) if is_of_interval else missing.get(name, assess.NOTHING_TO_JUDGE)
    if learned.windows_per_s is None:
        missing["windows_per_s"] = "this attempt had nothing left to train"
    return missing
