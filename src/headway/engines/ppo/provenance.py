"""The manifest of a run: what it would take to run it again."""

from __future__ import annotations

import torch

from headway.domain.clock import format_utc, utc_now
from headway.domain.manifest import Manifest
from headway.engines.base import Assignment
from headway.engines.ppo.prepare import Prepared
from headway.engines.provenance import describe_machine, read_git, read_versions

_PACKAGES = ("torch", "stable_baselines3", "gymnasium", "numpy", "polars", "arch")


def describe_run(assignment: Assignment, prepared: Prepared) -> Manifest:
    """The manifest, before training."""
    plan, resume = prepared.plan, assignment.resume
    return Manifest(
        run_id=assignment.run_id,
        attempt=assignment.attempt,
        created_at=format_utc(utc_now()),
        seed=assignment.seed,
        spec=assignment.spec.to_json(),
        versions=read_versions(_PACKAGES),
        git=read_git(),
        # 64x64 networks train on the CPU, whatever there is
        machine=describe_machine(threads=torch.get_num_threads(), gpu=None),
        data=tuple(candles.source for candles in prepared.candles),
        features=prepared.features,
        hyperparameters={**plan.hyper.to_json(), "reward_scale": plan.reward_scale},
        resumed_from=assignment.run.relative(resume) if resume else None,
    )
