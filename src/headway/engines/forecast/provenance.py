"""The manifest of a run: what it would take to run it again."""

from __future__ import annotations

import torch

from headway.domain.clock import format_utc, utc_now
from headway.domain.forecast_size import count_parameters
from headway.domain.manifest import Manifest
from headway.engines.base import Assignment
from headway.engines.forecast.plan import Plan
from headway.engines.provenance import describe_machine, read_git, read_versions

_PACKAGES = ("torch", "lightning", "numpy", "polars", "TA-Lib", "safetensors")


def describe_run(assignment: Assignment, plan: Plan) -> Manifest:
    """The manifest, before training. `hyperparameters` is the configuration as it runs."""
    panel, resume = plan.panel, assignment.resume
    on_gpu = plan.machine.device == "cuda"
    return Manifest(
        run_id=assignment.run_id,
        attempt=assignment.attempt,
        created_at=format_utc(utc_now()),
        seed=assignment.seed,
        spec=assignment.spec.to_json(),
        versions=read_versions(_PACKAGES),
        git=read_git(),
        machine=describe_machine(
            threads=torch.get_num_threads(), gpu=torch.cuda.get_device_name() if on_gpu else None
        ),
        data=(panel.data_source,),
        features={
            timeframe: {"columns": list(panel.feature_names[timeframe]), "estimated": False}
            for timeframe in panel.timeframes
        },
        hyperparameters={
            **plan.config.model_dump(mode="json"),
            "parameters": count_parameters(plan.shape),
            "device": plan.machine.device,
            "precision": plan.machine.precision,
            "panel_sha256": panel.digest(),
        },
        resumed_from=assignment.run.relative(resume) if resume else None,
    )
