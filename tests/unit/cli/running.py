"""`skippy-train` against a server that answers as it is told, in an environment of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from headway.cli.skippy import app
from tests.unit.client.server import JOB, SECRET, FakeServer, Reply, Stream, end, job, kept, progress

ACCEPTED = {
    "jobId": JOB,
    "acceptedAt": "2026-11-23T09:05:36.123456Z",
    "estimatedDuration": "10 hours",
    "queuePosition": 0,
}
METRICS: dict[str, Any] = {
    "sharpe": 1.234,
    "returnPct": 12.34,
    "maxDDPct": 8.1,
    "ciSharpe95": [0.4, 2.1],
    "winRate": 0.55,
    "generation": 3,
    "improvementPct": None,
    "trades": 1234,
    "buyAndHold": {"sharpe": 0.8, "returnPct": 9.0, "maxDDPct": 20.0, "ciSharpe95": [-0.2, 1.8]},
    "intervalExcludesBuyAndHold": False,
}
FILES = {"modelPath": "/runs/model.zip", "reportHtml": "/runs/report.html", "metricsPath": None}


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Skippy:
    server: FakeServer
    folder: Path
    environment: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            "TRAIN_API_HOST": self.server.url,
            "ADMIN_SECRET": SECRET,
            "HEADWAY_DATA_DIR": str(self.folder),
            "HEADWAY_CONFIG": str(self.folder / "none.toml"),
        }

    def run(self, *arguments: str) -> Ran:
        result = CliRunner().invoke(app, ["--retry-for", "0", *arguments], env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def prepare_end(self, state: str, reason: str, **more: Any) -> None:
        """A job that is accepted, trains a little and ends."""
        ended = job(state, reason=reason, progress=1.0, **more)
        self.server.on("POST", "/jobs", Reply(202, ACCEPTED))
        self.server.on("POST", f"/jobs/{JOB}/resume", Reply(202, ACCEPTED))
        self.server.on(
            "GET",
            f"/jobs/{JOB}/events",
            Stream((kept(1), progress(0.2), progress(0.6, phase="PPO epoch 3/4"), end(state, reason))),
        )
        self.server.answer(ended)
        metrics = METRICS if state == "done" else None
        self.server.on(
            "GET",
            f"/jobs/{JOB}/results",
            Reply(
                body={"job": ended, "metrics": metrics, "artifacts": FILES, "manifestPath": "/runs/m.json"}
            ),
        )
