"""Limits of time and money end a real training, after a checkpoint from which it can go on."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headway.control.judge import judge
from headway.domain.reasons import Reason
from headway.domain.trading import TradingConfig
from headway.executors.local import LocalExecutor
from headway.wire.attempts import Launch
from headway.wire.lines import LineKind, read_lines
from headway.wire.rundir import AttemptDir, RunDir, find_checkpoint, write_json
from tests.factories import make_spec, run_id
from tests.fakes.candles import write_candles
from tests.fakes.hurried import HurriedStarter, hurry
from tests.waiting import eventually

pytestmark = pytest.mark.slow

_SESSION = [sys.executable, "-m", "headway.engines.session"]
_AN_HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"hard_deadline_s": _AN_HOUR_S}, Reason.TIMED_OUT),
        ({"budget_s": _AN_HOUR_S}, Reason.OVER_BUDGET),
    ],
)
def test_a_training_over_its_limit_is_stopped_after_a_checkpoint(
    tmp_path: Path, limit: dict[str, Any], reason: Reason
) -> None:
    run = RunDir(tmp_path / "runs" / run_id(1))
    run.path.mkdir(parents=True)
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=2000, seed=1)
    config = TradingConfig(features=("price",), steps=1_000_000_000)
    write_json(run.spec, make_spec(config=config.to_json()).to_json())
    launch = Launch(run_id(1), 1, str(run.path), str(tmp_path / "candles"), grace_s=60.0, **limit)
    attempt = run.attempt(1)

    with closing(LocalExecutor(tmp_path / "runs", [HurriedStarter(_SESSION)])) as executor:
        executor.start(launch)
        eventually(lambda: _has_learnt(attempt), what="the first step")
        hurry(attempt, by_s=_AN_HOUR_S)
        proof = eventually(lambda: executor.observe(run_id(1), 1).exit, what="the end")

    verdict = judge(proof, result=None, farewell=None, cancel_requested=False)
    assert verdict.reason is reason
    assert proof.killed == 0
    assert proof.code == 3
    checkpoint = find_checkpoint(run)
    assert checkpoint is not None
    assert checkpoint.step > 0


def _has_learnt(attempt: AttemptDir) -> bool:
    said = read_lines(attempt.events.read_bytes()).lines if attempt.events.exists() else []
    return any(line.kind is LineKind.PROGRESS and line.data["step"] for line in said)
