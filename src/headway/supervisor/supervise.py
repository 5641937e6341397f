"""The loop of a supervisor: one thread, no sleep, woken by signals and by the next thing that is due."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from headway.domain.clock import format_utc, utc_now
from headway.domain.errors import CorruptRunFile
from headway.supervisor.console import Console
from headway.supervisor.decide import (
    Pressure,
    Situation,
    next_limit_in,
    next_pressure_in,
    pressure_after,
    reason_to_stop,
)
from headway.supervisor.processes import (
    become_subreaper,
    boot_id,
    descendants,
    kill_all,
    memory_of,
    oom_kills,
    peak_memory_bytes,
    started_ticks,
)
from headway.supervisor.trainers import Body, start_trainer
from headway.wire.attempts import ExitRecord, Launch, StopRequest, SupervisorRecord, Verb
from headway.wire.rundir import AttemptDir, find_json, get_json, write_json

BEAT_S = 1.0
_HASTY_BEAT_S = 0.1  # while the training floods its console
_KILL_AGAIN_S = 0.02  # between two rounds of killing what forks faster than it dies
_RETRY_S = 1.0


def supervise(attempt: AttemptDir, body: Body) -> None:
    """Hold an attempt from its start to the proof of its death. Does nothing for one that was started before."""
    launch = Launch.from_json(get_json(attempt.launch))
    supervisor = Supervisor(attempt, launch)
    supervisor.listen()
    if not attempt.exit.exists() and claim(attempt):
        supervisor.run(body)


def claim(attempt: AttemptDir) -> bool:
    """Make this process the attempt's one supervisor: the record can be put into place only once."""
    draft = attempt.path / f".supervisor.{os.getpid()}"
    write_json(draft, _record_of_this_process().to_json())
    try:
        os.link(draft, attempt.supervisor)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


@dataclass(frozen=True)
class TrainerEnd:
    """How the training process ended, as the kernel tells it."""

    status: int
    max_rss_bytes: int
    cpu_s: float


class Supervisor:
    """One attempt under way. `run` returns when nothing of it is alive and `exit.json` says so."""

    def __init__(self, attempt: AttemptDir, launch: Launch) -> None:
        self._attempt = attempt
        self._launch = launch
        self._started = time.monotonic()
        self._started_at = format_utc(utc_now())
        self._trainer_pid = 0
        self._end: TrainerEnd | None = None
        self._stop: StopRequest | None = None
        self._stop_since = 0.0
        self._pressure = Pressure.NONE
        self._shutdown = False
        self._cancelled: StopRequest | None = None
        self._recorded = False
        self._beat_at = 0.0
        self._console = Console(attempt.console)
        self._memory_bytes = 0
        self._killed: set[int] = set()
        self._oom_kills_before = oom_kills()
        self._wake_reader, self._wake_writer = os.pipe()
        for end in (self._wake_reader, self._wake_writer):
            os.set_blocking(end, False)

    def run(self, body: Body) -> None:
        become_subreaper()
        self._beat()
        self._trainer_pid = start_trainer(self._attempt, self._launch, body)
        self._record_trainer()
        while self._reap():
            self._beat_if_due()
            self._look_for_reason()
            self._press()
            self._wait()
        self._leave_proof()

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def listen(self) -> None:
        """Take signals from now on. Before the record is in place: whoever reads it may send one."""
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, _only_wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_shutdown)
        signal.signal(signal.SIGUSR2, self._ask_cancel)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _ask_shutdown(self, *_: object) -> None:
        self._shutdown = True

    def _ask_cancel(self, *_: object) -> None:
        """Where the disk is too full for a request in writing."""
        self._cancelled = StopRequest(
            Verb.CANCEL, "signal", "asked to, on a full disk", format_utc(utc_now())
        )

    def _record_trainer(self) -> None:
        """Tried again with each beat: on a full disk the limits hold all the same."""
        ticks = started_ticks(self._trainer_pid)
        record = replace(
            _record_of_this_process(), trainer_pid=self._trainer_pid, trainer_started_ticks=ticks
        )
        with suppress(OSError):
            write_json(self._attempt.supervisor, record.to_json())
            self._recorded = True

    def _reap(self) -> bool:
        """Bury dead children; False once there are none left, alive or dead: the proof of death."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._trainer_pid:
                cpu_s = usage.ru_utime + usage.ru_stime
                self._end = TrainerEnd(status, peak_memory_bytes(usage), cpu_s)

    def _beat_if_due(self) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat()
            if not self._recorded and self._end is None:
                self._record_trainer()
            if self._console.bound():
                self._beat_at = time.monotonic() + _HASTY_BEAT_S
            if self._launch.memory_bytes is not None:
                self._memory_bytes = memory_of(descendants(os.getpid()))

    def _beat(self) -> None:
        with suppress(OSError):  # a full disk is no reason to let go of the training
            self._attempt.heartbeat.touch()
        self._beat_at = time.monotonic() + BEAT_S

    def _look_for_reason(self) -> None:
        if self._stop is not None or self._end is not None:
            return
        request = _read_request(self._attempt.cancel) or self._cancelled
        seen = Situation(self._elapsed_s, self._memory_bytes, request, self._shutdown)
        self._stop = reason_to_stop(self._launch, seen)
        self._stop_since = time.monotonic()

    def _press(self) -> None:
        if self._end is not None:  # the training is over: what it has left behind has nothing more to do
            self._kill_tree()
            return
        if self._stop is None:
            return
        wanted = pressure_after(self._stop, time.monotonic() - self._stop_since, self._launch.grace_s)
        if wanted is Pressure.KILL:
            self._kill_tree()
        elif wanted > self._pressure:
            self._raise_pressure(wanted, self._stop)
        self._pressure = wanted

    def _raise_pressure(self, wanted: Pressure, request: StopRequest) -> None:
        if wanted is Pressure.ASK:
            with suppress(OSError):  # on a full disk the signal alone must do
                write_json(self._attempt.stop, request.to_json())
            kill_all([self._trainer_pid], signal.SIGUSR1)
        else:
            kill_all(descendants(os.getpid()), signal.SIGTERM)

    def _kill_tree(self) -> None:
        alive = descendants(os.getpid())
        kill_all(alive)
        self._killed.update(alive)

    def _wait(self) -> None:
        select.select([self._wake_reader], [], [], max(self._next_due_in(), 0.0))
        with suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)

    def _next_due_in(self) -> float:
        if self._end is not None or self._pressure is Pressure.KILL:
            return _KILL_AGAIN_S
        due = self._beat_at - time.monotonic()
        if self._stop is None:
            return min(due, next_limit_in(self._launch, self._elapsed_s))
        since = time.monotonic() - self._stop_since
        return min(due, next_pressure_in(self._stop, since, self._launch.grace_s))

    def _leave_proof(self) -> None:
        self._console.bound()
        end = self._end or TrainerEnd(0, 0, 0.0)
        exited = os.WIFEXITED(end.status)
        proof = ExitRecord(
            code=os.WEXITSTATUS(end.status) if exited else None,
            signal=None if exited else os.WTERMSIG(end.status),
            verb=self._stop.verb if self._stop else None,
            by="supervisor",
            started_at=self._started_at,
            ended_at=format_utc(utc_now()),
            runtime_s=round(self._elapsed_s, 3),
            killed=len(self._killed),
            max_rss_bytes=end.max_rss_bytes or None,
            cpu_s=round(end.cpu_s, 3),
            note=self._stop.why if self._stop else "",
            oom_kills=_difference(oom_kills(), self._oom_kills_before),
        )
        _persist(lambda: write_json(self._attempt.exit, proof.to_json()), self._beat)


def _record_of_this_process() -> SupervisorRecord:
    return SupervisorRecord(os.getpid(), started_ticks(os.getpid()), boot_id())


def _difference(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now - before


def _read_request(path: Path) -> StopRequest | None:
    try:
        found = find_json(path)
    except CorruptRunFile:
        return None
    return StopRequest.from_json(found) if found else None


def _persist(write: Callable[[], None], beat: Callable[[], None]) -> None:
    """Write what must be written, however long the disk is full; the lock is held all the while."""
    while True:
        try:
            write()
        except OSError:
            beat()
            select.select([], [], [], _RETRY_S)
        else:
            return


def _only_wake(*_: object) -> None:
    """The wake-up descriptor has done its work."""
