"""A tiny engine for faults: deterministic steps, exact resumes, a result that tells of every lost step."""

from __future__ import annotations

import fcntl
import json
import os
import time
from importlib import import_module
from pathlib import Path

from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.states import State
from headway.engines.base import Assignment, Reporter
from tests.faults.rogues import BEHAVIOURS

STEPS = 240
METRIC = "train/value"
SIGNATURES = "starts"
PPO = "ppo"  # in the notes of a request: train the real one
_CHECKPOINT_EVERY = 40
_TURN_S = 0.001
_MODULUS = 2_147_483_647
_FACTOR = 48_271


def turn(value: int) -> int:
    """The next number of the minimal standard generator (Park and Miller, 1988)."""
    return value * _FACTOR % _MODULUS


def first_value(seed: int) -> int:
    return seed % (_MODULUS - 1) + 1


def values_of(seed: int) -> list[int]:
    """What an undisturbed training reports at its steps 1, 2, …"""
    value, found = first_value(seed), []
    for _ in range(STEPS):
        value = turn(value)
        found.append(value)
    return found


def checksum_of(seed: int) -> float:
    """The headline number of an undisturbed training: it depends on every step and on their order."""
    checksum = 0
    for value in values_of(seed):
        checksum = _fold(checksum, value)
    return float(checksum)


def train(assignment: Assignment, reporter: Reporter) -> Result:
    """Behave as `notes` says, then turn from the checkpoint, or from the beginning, to the end."""
    _sign(assignment)
    if assignment.spec.notes == PPO:
        found: Result = import_module("headway.engines.ppo.engine").train(assignment, reporter)
        return found
    step, value, checksum = _restore(assignment)
    reporter.enter(State.TRAINING, "training")
    BEHAVIOURS[assignment.spec.notes](assignment, reporter)
    while step < STEPS:
        reporter.check()
        step, value = step + 1, turn(value)
        checksum = _fold(checksum, value)
        reporter.metrics(step, {METRIC: float(value)})
        reporter.advance(step / STEPS, text="turning", step=step, steps_total=STEPS)
        if step % _CHECKPOINT_EVERY == 0:
            with reporter.draft(step) as folder:
                (folder / "state.json").write_text(json.dumps([step, value, checksum]))
        time.sleep(_TURN_S)
    reporter.enter(State.EVALUATING, "evaluating")
    return Result(
        Reason.COMPLETED,
        {"checksum": float(checksum), "steps": float(step)},
        data_label="made by a test",
        simulated=True,
    )


def _sign(assignment: Assignment) -> None:
    """Leave proof of every start; the lock shows two trainings of one run that are alive at the same time."""
    descriptor = os.open(assignment.run.path / SIGNATURES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(descriptor, b"beside another training\n")
    # the descriptor stays open, and with it the lock
    os.write(descriptor, f"{assignment.attempt}\n".encode())


def _restore(assignment: Assignment) -> tuple[int, int, int]:
    if assignment.resume is None:
        return 0, first_value(assignment.seed), 0
    step, value, checksum = json.loads(Path(assignment.resume / "state.json").read_text())
    return int(step), int(value), int(checksum)


def _fold(checksum: int, value: int) -> int:
    return (checksum * 31 + value) % _MODULUS
