"""The forecasting engine, from an assignment to a result. docs/forecast.md tells how it works."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial

# The optimizer would import these at its first use, for a second that forked processes need not wait.
import torch._dynamo  # noqa: F401
import torch.profiler  # noqa: F401
from pydantic import ValidationError

from headway.domain.artifacts import Artifact
from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject
from headway.domain.results import Result
from headway.domain.states import State
from headway.engines.base import Assignment, Reporter
from headway.engines.forecast.devices import Machine, choose_machine, choose_threads, prepared
from headway.engines.forecast.files import ModelFiles
from headway.engines.forecast.judge import Judged, judge
from headway.engines.forecast.leaks import require_causal
from headway.engines.forecast.learn import Learned, learn
from headway.engines.forecast.meters import Gpu, Meters, find_gpu
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.prepare import cut_dates, prepare
from headway.engines.forecast.provenance import describe_run
from headway.engines.forecast.report import write_report
from headway.engines.forecast.scalers import Scalers
from headway.engines.forecast.sources import load_source
from headway.engines.forecast.streams import Aligned, align_streams
from headway.engines.forecast.summary import describe_report, summarize_details, summarize_metrics
from headway.engines.tables import write_table
from headway.markets.candles import Candles
from headway.wire.forecast import ForecastConfig
from headway.wire.rundir import write_json


@dataclass(frozen=True)
class Start:
    """All that training needs, ready."""

    plan: Plan
    scalers: Scalers
    meters: Meters


def train(assignment: Assignment, reporter: Reporter) -> Result:
    """Prepare, learn, evaluate on the test rows, save.

    Raises Stopped when it was asked to stop, Diverged when a loss became NaN, and DataError, InvalidInput or
    PreflightFailed when the assignment cannot be trained.
    """
    config = read_config(assignment)
    machine = choose_machine(
        config.training.precision, gpus=assignment.spec.limits.gpus, d_model=config.model.d_model
    )
    threads = choose_threads(assignment.threads, d_model=config.model.d_model)
    with prepared(machine, threads=threads):
        reporter.enter(State.PREFLIGHT, "Preparing candles and features")
        start = _prepare(assignment, reporter, config, machine)
        manifest = describe_run(assignment, start.plan)
        reporter.manifest(manifest)
        reporter.check()

        reporter.enter(State.TRAINING, "Training")
        learned = learn(start.plan, reporter, resume_from=assignment.resume, meters=start.meters)

        reporter.enter(State.EVALUATING, "Forecasting the test rows")
        judged = judge(start.plan, learned.forecaster, pulse=reporter.check)
        reporter.advance(0.7, text="Saving model, predictions and report")
        details = summarize_details(
            start.plan, learned, judged.assessment, no_meters=start.meters.why_missing
        )
        saved = _save(assignment, reporter, start, judged, learned, details)
        write_report(assignment.run.report, describe_report(start.plan, learned, judged, manifest))
        saved.append(reporter.artifact(assignment.run.report, "report"))
        reporter.advance(1.0, text="Saved")
    source = start.plan.panel.data_source
    return Result(
        reason=learned.reason,
        metrics=summarize_metrics(start.plan, learned, judged.assessment),
        details=details,
        artifacts=tuple(saved),
        data_label=source.label,
        simulated=source.origin == "simulated",
    )


def read_config(assignment: Assignment) -> ForecastConfig:
    """The configuration of the spec; InvalidInput when it is none."""
    try:
        return ForecastConfig.model_validate(assignment.spec.config)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "config"
        raise InvalidInput(field, first["input"], first["msg"]) from error


def _prepare(assignment: Assignment, reporter: Reporter, config: ForecastConfig, machine: Machine) -> Start:
    data, bars = config.data, config.model.context_bars
    candles = load_source(assignment.candles_dir, data)
    reporter.advance(0.2, text="Looking for features that look ahead")
    reporter.check()
    require_causal(cut_dates(candles, config), partial(_align, config))
    reporter.advance(0.6, text="Features, labels and splits")
    reporter.check()
    made = prepare(config, candles, context_bars=dict.fromkeys(data.timeframes, bars))
    for warning in made.panel.warnings:
        reporter.note(warning, level="warning")
    gpu, why_no_gpu = _find_gpu(machine)
    plan = Plan(
        made.panel,
        config,
        assignment.seed,
        machine,
        duration_s=assignment.spec.limits.training_s,
        attempt_s=assignment.training_left_s(time.monotonic()),
    )
    meters = Meters(gpu, why_no_gpu, note=partial(reporter.note, level="warning"))
    return Start(plan, made.scalers, meters)


def _find_gpu(machine: Machine) -> tuple[Gpu | None, str]:
    if machine.device == "cpu":
        return None, "the training runs on the CPU"
    return find_gpu(os.environ.get("CUDA_VISIBLE_DEVICES", ""))


def _align(config: ForecastConfig, candles: Candles) -> Aligned:
    return align_streams(candles, config.data.timeframes, config.features)


def _save(
    assignment: Assignment,
    reporter: Reporter,
    start: Start,
    judged: Judged,
    learned: Learned,
    details: JsonObject,
) -> list[Artifact]:
    reporter.check()
    files = ModelFiles(assignment.run)
    files.folder.mkdir(parents=True, exist_ok=True)
    files.write_config(start.plan.config)
    files.write_scaler(start.scalers)
    files.write_weights(learned.best.weights)
    write_json(files.metrics, details)
    write_table(files.predictions, judged.table)
    kinds = {
        files.config: "config",
        files.scaler: "scaler",
        files.weights: "model",
        files.metrics: "metrics",
        files.predictions: "predictions",
    }
    return [reporter.artifact(path, kind) for path, kind in kinds.items()]
