"""Attempts on this machine: each held by a supervisor that outlives this process.

The attempt's lock (flock) is the proof of life: it passes from this process to the supervisor without a gap, is never
inherited by the training, and the kernel frees it when the supervisor dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from headway.domain.clock import format_utc, utc_now
from headway.domain.errors import Conflict, CorruptRunFile, NotFound
from headway.executors.starters import Starter
from headway.ports import Sighting
from headway.supervisor.processes import boot_id, find_marked, is_same, kill_all, kill_group, wait_a_moment
from headway.wire.attempts import ExitRecord, Launch, StopRequest, SupervisorRecord
from headway.wire.crashpoints import reach
from headway.wire.rundir import AttemptDir, RunDir, find_json, write_json

_LOCK_MODE = 0o600
_KILL_ROUNDS = 200


class LocalExecutor:
    """Runs attempts as processes of this machine. Starters are tried in order."""

    name = "local"

    def __init__(self, runs_dir: Path, starters: Sequence[Starter]) -> None:
        self._runs_dir = runs_dir
        self._starters = tuple(starters)
        self._probing = (
            threading.Lock()
        )  # a look at a lock takes it for a moment: nobody may see that as life

    def start(self, launch: Launch) -> None:
        attempt = self._attempt(launch.run_id, launch.attempt)
        attempt.create()
        with self._lock(attempt) as lock:
            if lock is None or attempt.launch.exists() or attempt.exit.exists():
                return
            write_json(attempt.launch, launch.to_json())
            reach("start.launch_written")
            if not any(starter.start(attempt, lock) for starter in self._starters):
                raise ChildProcessError("no supervisor could be started")
            reach("start.started")

    def observe(self, run_id: str, attempt: int) -> Sighting:
        folder = self._attempt(run_id, attempt)
        proof = _read_exit(folder)
        if proof is None and not folder.launch.exists():
            raise NotFound(f"attempt {attempt} of {run_id} was never started")
        alive = proof is None and self._is_held(folder)
        if proof is None and not alive:
            proof = _read_exit(folder)  # it may have ended between the two looks
        return Sighting(alive, _heartbeat_at(folder), proof)

    def cancel(self, run_id: str, attempt: int, request: StopRequest) -> None:
        folder = self._attempt(run_id, attempt)
        if folder.exit.exists():
            return
        trouble = _write_request(folder, request)
        record = _read_record(folder)
        # Without a record the supervisor is about to start: it looks for the request by itself.
        if record is not None and _is_alive(record):
            kill_all([record.pid], signal.SIGUSR2 if trouble else signal.SIGUSR1)
        elif trouble:
            raise trouble

    def bury(self, run_id: str, attempt: int) -> ExitRecord:
        folder = self._attempt(run_id, attempt)
        folder.create()
        with self._lock(folder) as lock:
            if lock is None:
                raise Conflict(f"attempt {attempt} of {run_id} is alive")
            proof = _read_exit(folder)
            if proof is None:
                proof = _proof_by_executor(folder, killed=_kill_leftovers(folder))
                reach("bury.killed")
                write_json(folder.exit, proof.to_json())
            return proof

    def close(self) -> None:
        for starter in self._starters:
            starter.close()

    def _attempt(self, run_id: str, number: int) -> AttemptDir:
        return RunDir(self._runs_dir / run_id).attempt(number)

    @contextmanager
    def _lock(self, attempt: AttemptDir) -> Iterator[int | None]:
        """The attempt's lock, or None where someone alive has it. Who inherits the descriptor keeps it."""
        descriptor = os.open(attempt.lock, os.O_RDWR | os.O_CREAT, _LOCK_MODE)
        try:
            with self._probing:
                held = _try_lock(descriptor)
            yield descriptor if held else None
        finally:
            os.close(descriptor)

    def _is_held(self, attempt: AttemptDir) -> bool:
        try:
            descriptor = os.open(attempt.lock, os.O_RDONLY)  # to look is possible also in a read-only folder
        except FileNotFoundError:
            return False
        with self._probing:
            try:
                return not _try_lock(descriptor)
            finally:
                os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_request(attempt: AttemptDir, request: StopRequest) -> OSError | None:
    """Leave the request for the supervisor; what kept it from being written."""
    try:
        if not attempt.cancel.exists():
            attempt.create()
            write_json(attempt.cancel, request.to_json())
    except OSError as error:
        return error
    return None


def _kill_leftovers(attempt: AttemptDir) -> int:
    """Kill what a lost supervisor has left, until nothing is found; how many there were."""
    record = _read_record(attempt)
    killed: set[int] = set()
    for _ in range(_KILL_ROUNDS):
        alive = set(find_marked(attempt.path))
        if record is not None and record.trainer_pid and _is_trainer_alive(record):
            alive.add(record.trainer_pid)
        if not alive:
            return len(killed)
        if record is not None and record.trainer_pid in alive:
            kill_group(record.trainer_pid)
        kill_all(alive)
        killed |= alive
        wait_a_moment()
    raise Conflict(f"processes of {attempt.path} cannot be killed: {sorted(killed)}")


def _proof_by_executor(attempt: AttemptDir, *, killed: int) -> ExitRecord:
    begun, beat = _modified_at(attempt.launch), _heartbeat_at(attempt)
    runtime_s = max((beat - begun).total_seconds(), 0.0) if begun and beat else 0.0
    return ExitRecord(
        code=None,
        signal=None,
        verb=None,
        by="executor",
        started_at=format_utc(begun) if begun else None,
        ended_at=format_utc(utc_now()),
        runtime_s=round(runtime_s, 3),
        killed=killed,
        note="the supervisor is gone" if begun else "the attempt was never started",
    )


def _read_exit(attempt: AttemptDir) -> ExitRecord | None:
    """The proof of death; a torn one is none, and the attempt is buried anew."""
    with suppress(CorruptRunFile, KeyError, ValueError, TypeError):
        found = find_json(attempt.exit)
        return ExitRecord.from_json(found) if found else None
    return None


def _read_record(attempt: AttemptDir) -> SupervisorRecord | None:
    with suppress(CorruptRunFile, KeyError, ValueError, TypeError):
        found = find_json(attempt.supervisor)
        return SupervisorRecord.from_json(found) if found else None
    return None


def _is_alive(record: SupervisorRecord) -> bool:
    return record.boot_id == boot_id() and is_same(record.pid, record.started_ticks)


def _is_trainer_alive(record: SupervisorRecord) -> bool:
    pid = record.trainer_pid or 0
    return record.boot_id == boot_id() and is_same(pid, record.trainer_started_ticks)


def _heartbeat_at(attempt: AttemptDir) -> datetime | None:
    return _modified_at(attempt.heartbeat)


def _modified_at(path: Path) -> datetime | None:
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None
