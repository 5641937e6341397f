"""The manifest of a run: what it would take to run it again."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

import headway
from headway.domain.clock import format_utc, utc_now
from headway.domain.json import JsonObject
from headway.domain.manifest import Manifest
from headway.engines.base import Assignment
from headway.engines.ppo.prepare import Prepared

_PACKAGES = ("torch", "stable_baselines3", "gymnasium", "numpy", "polars", "arch")
_GIT_TIMEOUT_S = 5.0


def describe_run(assignment: Assignment, prepared: Prepared) -> Manifest:
    """The manifest, before training."""
    plan, resume = prepared.plan, assignment.resume
    return Manifest(
        run_id=assignment.run_id,
        attempt=assignment.attempt,
        created_at=format_utc(utc_now()),
        seed=assignment.seed,
        spec=assignment.spec.to_json(),
        versions={
            "python": platform.python_version(),
            "headway": headway.__version__,
            **{name: version(name) for name in _PACKAGES},
        },
        git=read_git(),
        machine={
            "platform": platform.platform(),
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": None,  # 64x64 networks train on the CPU, whatever there is
        },
        data=tuple(candles.source for candles in prepared.candles),
        features=prepared.features,
        hyperparameters={**plan.hyper.to_json(), "reward_scale": plan.reward_scale},
        resumed_from=assignment.run.relative(resume) if resume else None,
    )


def read_git() -> JsonObject:
    """{commit, dirty} of the repository that this code is tracked in; {} where there is none, or no git."""
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return {}
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain")
    return {} if commit is None or status is None else {"commit": commit, "dirty": bool(status)}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  (fixed words)
            ["git", "-C", str(Path(__file__).parent), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
