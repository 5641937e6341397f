"""What a training ran on: versions, machine, and the state of the source code."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import headway
from headway.domain.json import JsonObject

_GIT_TIMEOUT_S = 5.0


def read_versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python, Headway and these packages, all of which are installed."""
    return {
        "python": platform.python_version(),
        "headway": headway.__version__,
        **{name: version(name) for name in packages},
    }


def describe_machine(*, threads: int, gpu: str | None) -> JsonObject:
    """`threads` is how many the training computes with; `gpu` names the one it uses, None where it uses none."""
    return {
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": threads,
        "gpu": gpu,
    }


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
