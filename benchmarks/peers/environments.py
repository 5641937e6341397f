"""What users would pick instead, each installed from PyPI into an environment of its own.

`python -m benchmarks.peers.environments [NAME …]` (or `make peers`) makes them, some 3 GB in all. A benchmark
measures those that are there in its own run, and says of the others that they are not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("HEADWAY_PEERS_DIR", Path(__file__).parents[2] / ".peers"))


@dataclass(frozen=True)
class Peer:
    """A project, what to install of it, and the program of `benchmarks/peers/programs` that measures it."""

    title: str
    packages: tuple[str, ...]
    program: str


PEERS = {
    "mlflow": Peer("MLflow", ("mlflow==3.17.2",), "mlflow_tracking"),
    "ray": Peer("Ray Jobs", ("ray[default]==2.60.0",), "ray_jobs"),
    "trackio": Peer("Trackio", ("trackio==0.43.0",), "trackio_logging"),
    "dbos": Peer("DBOS", ("dbos==3.4.0",), "dbos_workflows"),
    "tensorboard": Peer("TensorBoard", ("tensorboard==2.20.0", "tensorboardX==2.6.4"), "tensorboard_logging"),
    "anytrading": Peer(
        "gym-anytrading, default SB3",
        ("torch==2.13.0", "gym-anytrading==2.0.0", "stable-baselines3==2.9.2"),
        "anytrading_ppo",
    ),
}


def find_python(name: str) -> Path | None:
    """The interpreter of a peer's environment; None when it is not installed."""
    python = FOLDER / name / "bin" / "python"
    return python if (FOLDER / name / ".installed").exists() else None


def install(name: str) -> None:
    """Make the environment of a peer anew. Raises CalledProcessError when pip cannot."""
    folder = FOLDER / name
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *PEERS[name].packages], check=True)
    (folder / ".installed").touch()


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(PEERS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or PEERS if not _try(name)]
    return 1 if failed else 0


def _try(name: str) -> bool:
    print(f"{name}: installing {', '.join(PEERS[name].packages)}", flush=True)
    try:
        install(name)
    except subprocess.CalledProcessError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
