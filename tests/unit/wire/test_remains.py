"""What the dead leave half written is removed; what others write is not."""

from __future__ import annotations

import os
from pathlib import Path

from headway.wire.remains import sweep_remains
from headway.wire.rundir import RunDir, write_json


def _a_run(folder: Path) -> RunDir:
    run = RunDir(folder / "run")
    run.attempt(1).create()
    run.checkpoints.mkdir()
    return run


def _prove_death(run: RunDir) -> int:
    write_json(run.attempt(1).exit, {"code": 0})
    return run.attempt(1).exit.stat().st_mtime_ns


def test_half_written_files_and_drafts_of_a_dead_attempt_are_removed(tmp_path: Path) -> None:
    run = _a_run(tmp_path)
    left = [
        run.path / ".result.json.00000000.partial",
        run.attempt(1).path / ".exit.json.11111111.partial",
        run.attempt(1).path / ".supervisor.4711",
    ]
    for path in left:
        path.write_text("{")
    (run.checkpoints / ".draft-40").mkdir()
    (run.checkpoints / ".draft-40" / "state.json").write_text("[")
    _prove_death(run)

    assert sweep_remains(run, run.attempt(1)) == 4

    assert [path for path in (*left, run.checkpoints / ".draft-40") if path.exists()] == []
    assert run.attempt(1).exit.exists()


def test_what_is_younger_than_the_proof_belongs_to_somebody_alive(tmp_path: Path) -> None:
    run = _a_run(tmp_path)
    died_ns = _prove_death(run)
    written, drafted = run.path / ".spec.json.22222222.partial", run.checkpoints / ".draft-80"
    written.write_text("{")
    drafted.mkdir()
    (drafted / "weights").write_text("young, in a folder that is old")
    os.utime(written, ns=(died_ns + 1, died_ns + 1))
    os.utime(drafted / "weights", ns=(died_ns + 1, died_ns + 1))
    os.utime(drafted, ns=(died_ns - 1, died_ns - 1))

    assert sweep_remains(run, run.attempt(1)) == 0

    assert written.exists()
    assert (drafted / "weights").exists()


def test_without_a_proof_of_death_nothing_is_removed(tmp_path: Path) -> None:
    run = _a_run(tmp_path)
    (run.path / ".metrics.json.33333333.partial").write_text("{")

    assert sweep_remains(run, run.attempt(1)) == 0

    assert (run.path / ".metrics.json.33333333.partial").exists()


def test_a_request_to_stop_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    run = _a_run(tmp_path)
    asked = run.attempt(1).control / ".cancel.json.44444444.partial"
    asked.write_text("{")
    _prove_death(run)

    assert sweep_remains(run, run.attempt(1)) == 0

    assert asked.exists()
