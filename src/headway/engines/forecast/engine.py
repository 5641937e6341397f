"""The forecasting engine, from an assignment to a result. docs/forecast.md tells how it works."""

from __future__ import annotations

import os
from dataclasses import dataclass

# The optimizer would import these at its first use, for a second that forked processes need not wait.
import torch._dynamo  # noqa: F401
import torch.profiler  # noqa: F401
from pydantic import ValidationError

from headway.domain.artifacts import Artifact
from headway.domain.errors import InvalidInput
from headway.domain.results import Result
from headway.domain.states import State
from headway.engines.base import Assignment, Reporter
from headway.engines.forecast.assess import Assessment, assess
from headway.engines.forecast.devices import choose_machine, prepared
from headway.engines.forecast.files import ModelFiles
from headway.engines.forecast.learn import Learned, learn
from headway.engines.forecast.leaks import require_causal
from headway.engines.forecast.meters import Meters, find_gpu
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.predictions import write_predictions
from headway.engines.forecast.prepare import cut_dates, prepare
from headway.engines.forecast.provenance import describe_run
from headway.engines.forecast.scalers import Scalers
from headway.engines.forecast.sources import load_source
from headway.engines.forecast.streams import align_streams
from headway.engines.forecast.summary import summarize_details, summarize_metrics
from headway.wire.forecast import ForecastConfig
from headway.wire.rundir import write_json


@dataclass(frozen=True)
class Start:
    """All that training needs, ready. `why_no_gpu` says why there are no numbers of a GPU; empty when there are."""

    plan: Plan
    scalers: Scalers
    meters: Meters
    why_no_gpu: str


def train(assignment: Assignment, reporter: Reporter) -> Result:
    """Prepare, learn, evaluate on the test rows, save.

    Raises Stopped when it was asked to stop, Diverged when a loss became NaN, and DataError, InvalidInput or
    PreflightFailed when the assignment cannot be trained.
    """
    config = read_config(assignment)
    machine = choose_machine(
        config.training.precision, gpus=assignment.spec.limits.gpus, d_model=config.model.d_model
    )
    config = _resolve(config, machine.precision)
    with prepared(machine, threads=assignment.threads):
        reporter.enter(State.PREFLIGHT, "Preparing candles and features")
        start = _prepare(assignment, reporter, config)
        reporter.manifest(describe_run(assignment, start.plan))
        reporter.check()

        reporter.enter(State.TRAINING, "Training")
        learned = learn(start.plan, reporter, resume_from=assignment.resume, meters=start.meters)

        reporter.enter(State.EVALUATING, "Forecasting the test rows")
        assessment = assess(start.plan, learned, pulse=reporter.check)
        reporter.advance(0.7, text="Saving model, predictions and report")
        details = summarize_details(start.plan, learned, assessment, why_no_gpu=start.why_no_gpu)
        saved = _save(assignment, reporter, start, learned, assessment)
        reporter.advance(1.0, text="Saved")
    source = start.plan.panel.data_source
    return Result(
        reason=learned.reason,
        metrics=summarize_metrics(start.plan, learned, assessment),
        details=details,
        artifacts=saved,
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


def _resolve(config: ForecastConfig, precision: str) -> ForecastConfig:
    training = config.training.model_copy(update={"precision": precision})
    return config.model_copy(update={"training": training})
