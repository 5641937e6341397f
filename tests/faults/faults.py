"""The faults: each strikes once, undoes what does not end by itself, and tells when it was over."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from headway.wire.crashpoints import POINTS
from headway.wire.rundir import AttemptDir, find_json
from tests.e2e.harness import _child_running
from tests.faults.house import ENDED, House
from tests.waiting import eventually, is_alive

_GARBAGE = (
    b"not json\n",
    b"\x00\xff\xfe\n",
    b'{"seq": 7, "at": "2026-01-01T00:00:00.000000Z", "kind": "dance", "data": {}}\n',
    b'{"seq": 1000000, "at": "yesterday", "kind": "phase", "data": {}}\n',
    b'{"seq": 1000000, "at": "2026-01-01T00:00:00.000000Z", "kind": "metrics", "data": {"rows": 3}}\n',
    b"[[[[[[[[[[[[\n" * 40,
)
_PREY_S = 3.0
_SPIN_S = 1.5
_DOWN_S = 0.3
_STOPPED_S = 1.2
_LOCKED_S = (0.2, 2.5)
_LONG_LOCK_S = 6.0  # longer than a writer waits
_LONG_LOCK_FRACTION = 0.05
_REFUSED_S = 20.0


@dataclass
class Scene:
    """Where a fault strikes: the house, the runs of the case, and what is to be expected because of it."""

    house: House
    draw: random.Random
    run_ids: list[str] = field(default_factory=list)
    trainers_killed: set[str] = field(default_factory=set)
    over_at: float = 0.0  # monotonic; from here on everything should come to rest by itself

    def over(self) -> None:
        self.over_at = max(self.over_at, time.monotonic())


@dataclass(frozen=True)
class Prey:
    """A run with a live training process."""

    run_id: str
    attempt: AttemptDir
    supervisor: int
    trainer: int


Fault = Callable[[Scene], bool]
"""Strikes; False when there was nothing left to strike."""


def find_prey(scene: Scene) -> Prey | None:
    """A random run whose training lives, waiting a moment for one; None when all have ended."""
    deadline = time.monotonic() + _PREY_S
    while time.monotonic() < deadline:
        records = scene.house.records(scene.run_ids)
        alive = [prey for run_id in records if (prey := _prey_of(scene, run_id)) is not None]
        if alive:
            return scene.draw.choice(alive)
        if records and all(record["state"] in ENDED for record in records.values()):
            return None
        time.sleep(0.005)
    return None


def _prey_of(scene: Scene, run_id: str) -> Prey | None:
    folder = scene.house.run_dir(run_id)
    attempts = sorted(int(p.name) for p in (folder.path / "attempts").glob("*")) or [1]
    attempt = folder.attempt(attempts[-1])
    record = find_json(attempt.supervisor)
    if record is None or attempt.exit.exists() or not record["trainer_pid"]:
        return None
    if not is_alive(record["pid"]) or not is_alive(record["trainer_pid"]):
        return None
    return Prey(run_id, attempt, record["pid"], record["trainer_pid"])


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _restart(scene: Scene) -> None:
    time.sleep(scene.draw.uniform(0.0, _DOWN_S))
    scene.over()
    scene.house.start()


def kill_server(scene: Scene) -> bool:
    scene.house.kill()
    _restart(scene)
    return True


def _kill(scene: Scene, *, server: bool = False, supervisor: bool = False, trainer: bool = False) -> bool:
    prey = find_prey(scene)
    if prey is None:
        return False
    if trainer:
        scene.trainers_killed.add(prey.run_id)
    pids = [prey.trainer] * trainer + [prey.supervisor] * supervisor + [scene.house.pid] * server
    scene.draw.shuffle(pids)
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    scene.over()
    if server:
        scene.house.kill()
        _restart(scene)
    return True


def kill_fork_server(scene: Scene) -> bool:
    pid = _child_running(scene.house.pid, "tests.faults.programs")
    if pid is None:
        return False
    _signal(pid, signal.SIGKILL)
    scene.over()
    return True


def _pause(scene: Scene, pid: int) -> bool:
    _signal(pid, signal.SIGSTOP)
    time.sleep(scene.draw.uniform(0.05, _STOPPED_S))
    _signal(pid, signal.SIGCONT)
    scene.over()
    return True


def stop_server(scene: Scene) -> bool:
    return _pause(scene, scene.house.pid)


def stop_supervisor(scene: Scene) -> bool:
    prey = find_prey(scene)
    return prey is not None and _pause(scene, prey.supervisor)


def stop_trainer(scene: Scene) -> bool:
    prey = find_prey(scene)
    return prey is not None and _pause(scene, prey.trainer)


def kill_trainer_at_checkpoint(scene: Scene) -> bool:
    """As soon as a checkpoint is in place, before much else can be written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    folder = scene.house.run_dir(prey.run_id).checkpoints
    before = _names_in(folder)
    if not _spin(lambda: any(name[0] != "." for name in _names_in(folder) - before)):
        return False
    return _kill_prey_trainer(scene, prey)


def kill_trainer_amid_write(scene: Scene) -> bool:
    """While a file of the run is half written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    run = scene.house.run_dir(prey.run_id)
    places = (run.path, run.checkpoints)
    if not _spin(lambda: any(name[0] == "." for place in places for name in _names_in(place))):
        return False
    return _kill_prey_trainer(scene, prey)


def kill_supervisor_amid_write(scene: Scene) -> bool:
    """While its record or its proof is half written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    if not _spin(lambda: any(name[0] == "." for name in _names_in(prey.attempt.path))):
        return False
    _signal(prey.supervisor, signal.SIGKILL)
    scene.over()
    return True


def _kill_prey_trainer(scene: Scene, prey: Prey) -> bool:
    scene.trainers_killed.add(prey.run_id)
    _signal(prey.trainer, signal.SIGKILL)
    scene.over()
    return True


def _names_in(folder: Path) -> set[str]:
    try:
        return {place.name for place in folder.iterdir()}
    except FileNotFoundError:
        return set()


def _spin(seen: Callable[[], bool]) -> bool:
    """Look as often as can be; False after a while."""
    deadline = time.monotonic() + _SPIN_S
    while time.monotonic() < deadline:
        if seen():
            return True
    return False


def garbage_lines(scene: Scene) -> bool:
    """Whole lines that no training writes, between those of one that is at work."""
    prey = find_prey(scene)
    if prey is None or not prey.attempt.events.exists():
        return False
    for line in scene.draw.sample(_GARBAGE, scene.draw.randint(1, len(_GARBAGE))):
        with prey.attempt.events.open("ab", buffering=0) as file:
            file.write(line)
    scene.over()
    return True


def torn_line(scene: Scene) -> bool:
    """The last line of a killed training is torn, as after a power loss."""
    prey = find_prey(scene)
    if prey is None or not prey.attempt.events.exists():
        return False
    scene.trainers_killed.add(prey.run_id)
    _signal(prey.trainer, signal.SIGKILL)
    with prey.attempt.events.open("ab", buffering=0) as file:
        file.write(b'{"seq":900,"at":"2026-01-01T00:00:00.000000Z","kind":"metr'[: scene.draw.randint(1, 58)])
    scene.over()
    return True


def locked_store(scene: Scene) -> bool:
    """Another program holds the write lock of the database, now and then for longer than a writer waits."""
    is_long = scene.draw.random() < _LONG_LOCK_FRACTION
    wait_s = _LONG_LOCK_S if is_long else scene.draw.uniform(*_LOCKED_S)
    with closing(sqlite3.connect(scene.house.database, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(wait_s)
        connection.execute("ROLLBACK")
    scene.over()
    return True


def second_server(scene: Scene) -> bool:
    """Another server on the same folder refuses, says why, and leaves the first alone."""
    second = scene.house.spawn(HEADWAY_PORT="0")
    try:
        eventually(lambda: second.poll() is not None, within_s=_REFUSED_S, what="the second server refuses")
    finally:
        second.kill()
        second.wait()
    assert second.returncode != 0, "the second server ended as if all were well"
    assert "another server" in scene.house.log.read_text(), "the second server does not say why it ends"
    scene.over()
    return True


def read_only_folder(scene: Scene) -> bool:
    """The folder of a run cannot be written for a while. Means nothing to root."""
    prey = find_prey(scene)
    if prey is None:
        return False
    folder = scene.house.run_dir(prey.run_id).checkpoints
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    time.sleep(scene.draw.uniform(0.05, _STOPPED_S))
    folder.chmod(0o755)
    scene.trainers_killed.add(prey.run_id)
    scene.over()
    return True


FAULTS: dict[str, Fault] = {
    "kill server": kill_server,
    "kill supervisor": partial(_kill, supervisor=True),
    "kill trainer": partial(_kill, trainer=True),
    "kill fork server": kill_fork_server,
    "kill server and supervisor": partial(_kill, server=True, supervisor=True),
    "kill server and trainer": partial(_kill, server=True, trainer=True),
    "kill supervisor and trainer": partial(_kill, supervisor=True, trainer=True),
    "kill all three": partial(_kill, server=True, supervisor=True, trainer=True),
    "kill trainer at a checkpoint": kill_trainer_at_checkpoint,
    "kill trainer amid a write": kill_trainer_amid_write,
    "kill supervisor amid a write": kill_supervisor_amid_write,
    "stop server": stop_server,
    "stop supervisor": stop_supervisor,
    "stop trainer": stop_trainer,
    "garbage lines": garbage_lines,
    "torn line": torn_line,
    "locked store": locked_store,
    "second server": second_server,
    "read-only folder": read_only_folder,
}
CRASHES = {f"crash at {point}": point for point in POINTS}


def _may_write_anywhere() -> bool:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        return os.access(folder, os.W_OK)


SKIPPED = {"read-only folder": "this user writes into read-only folders"} if _may_write_anywhere() else {}
