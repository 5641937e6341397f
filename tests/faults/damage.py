"""Faults of what lies on the disk, and of the disk itself."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.e2e.harness import processes_of
from tests.faults.houses import synced_of
from tests.faults.mounts import read_only
from tests.faults.scene import Excuse, Scene, find_prey, send
from tests.faults.strikes import restart
from tests.waiting import eventually

_GARBAGE = (
    b"not json\n",
    b"\x00\xff\xfe\n",
    b'{"seq": 7, "at": "2026-01-01T00:00:00.000000Z", "kind": "dance", "data": {}}\n',
    b'{"seq": 1000000, "at": "yesterday", "kind": "phase", "data": {}}\n',
    b'{"seq": 1000000, "at": "2026-01-01T00:00:00.000000Z", "kind": "metrics", "data": {"rows": 3}}\n',
    b"[[[[[[[[[[[[\n" * 40,
)
_LOCKED_S = (0.2, 2.5)
_LONG_LOCK_S = 6.0  # longer than a writer waits
_LONG_LOCK_FRACTION = 0.05
_REFUSED_S = 60.0
_FULL_S = (0.2, 2.0)
_READ_ONLY_S = (0.1, 1.5)
_BLOCK = b"\0" * (1 << 20)


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
    scene.excuse_killed(prey.run_id)
    send(prey.trainer)
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
    second = scene.house.door.spawn(HEADWAY_PORT="0")
    try:
        eventually(lambda: second.poll() is not None, within_s=_REFUSED_S, what="the second server refuses")
    finally:
        second.kill()
        second.wait()
    assert second.returncode != 0, "the second server ended as if all were well"
    assert "another server" in scene.house.door.log.read_text(), "the second server does not say why it ends"
    scene.over()
    return True


def full_disk(scene: Scene) -> bool:
    """Nothing more can be written by anybody, then there is room again."""
    ballast = scene.house.data_dir / "ballast"
    scene.excuses.append(Excuse(None, "disk_full", ""))
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(_BLOCK)
    with suppress(OSError):  # to the last byte
        shutil.copyfile(ballast, ballast.with_name("ballast-2"))
    time.sleep(scene.draw.uniform(*_FULL_S))
    for place in (ballast, ballast.with_name("ballast-2")):
        place.unlink(missing_ok=True)
    scene.over()
    return True


def read_only_folder(scene: Scene) -> bool:
    """A folder cannot be written to for a while: the checkpoints of a run, all of the run, or those of all runs."""
    prey = find_prey(scene)
    if prey is None:
        return False
    run = scene.house.run_dir(prey.run_id)
    run.checkpoints.mkdir(exist_ok=True)
    folder = scene.draw.choice((run.checkpoints, run.path, run.path.parent))
    for reason in ("trainer_error", "preflight_rejected"):
        scene.excuses += [
            Excuse(None, reason, words) for words in ("Read-only file system", "Permission denied")
        ]
    with read_only(folder):
        if folder == run.path.parent:
            scene.submit()
        time.sleep(scene.draw.uniform(*_READ_ONLY_S))
    scene.over()
    return True


def lose_power(scene: Scene) -> bool:
    """Everything stops at once, and of the database only what was synced is there afterwards."""
    house = scene.house
    scene.excuse_killed(None)
    pids = [house.door.pid, *processes_of(house.data_dir)]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            send(pid, number)
    house.door.kill()
    eventually(lambda: not _kill_rest(house.data_dir), what="nothing is alive")
    _drop_unsynced(house.database)
    restart(scene)
    return True


def _kill_rest(data_dir: Path) -> list[int]:
    left = processes_of(data_dir)
    for pid in left:
        send(pid)
    return left


def _drop_unsynced(database: Path) -> None:
    for name in (database.name, f"{database.name}-wal", f"{database.name}-shm"):
        place, kept = database.with_name(name), synced_of(database.parent) / name
        place.unlink(missing_ok=True)
        if kept.exists():
            shutil.copyfile(kept, place)
