"""Faults of clocks, of trainings that misbehave, of real trainings, and of one of two servers."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from headway.domain.clock import parse_utc, utc_now
from tests.faults.engine import PPO
from tests.faults.house import Door
from tests.faults.houses import LEASE_S
from tests.faults.rogues import FIRST_WORDS, LAST_WORDS, tell_to_go
from tests.faults.scene import Scene, find_prey, send
from tests.faults.strikes import kill_server
from tests.waiting import eventually

PPO_SEED = 5
PPO_STEPS = 60_000
_JUMP_S = 3600.0
_JUMPED_S = (0.1, 1.5)
_PPO_WITHIN_S = 1.5
_CONSOLE_MOST_BYTES = 64 << 20  # as in headway.supervisor.console
_CONSOLE_PEAK_BYTES = _CONSOLE_MOST_BYTES + (
    200 << 20
)  # what is printed between two looks of a busy supervisor


# clocks


def jump(scene: Scene, *, forward: bool) -> bool:
    """The server's clock is set by an hour, sometimes just before it is killed, and later set right."""
    door = scene.house.door
    _set_clock(scene, door, _JUMP_S if forward else -_JUMP_S)
    if scene.draw.random() < 0.5:
        kill_server(scene)
    time.sleep(scene.draw.uniform(*_JUMPED_S))
    if scene.draw.random() < 0.5:
        door.clock.unlink()
    scene.over()
    return True


def _set_clock(scene: Scene, door: Door, wrong_s: float) -> None:
    draft = door.clock.with_suffix(".draft")
    draft.write_text(str(wrong_s))
    draft.replace(door.clock)
    scene.undo.append(partial(door.clock.unlink, missing_ok=True))


# trainings that misbehave


def misbehave(scene: Scene, *, notes: str, reason: str = "completed") -> bool:
    """A training does what its notes say, and ends as it must."""
    run_id = scene.submit(notes, end=("done" if reason == "completed" else "failed", reason))
    _await_end(scene, run_id)
    scene.over()
    return True


def be_deaf(scene: Scene) -> bool:
    """A training that hears nothing is cancelled."""
    run_id = scene.submit("deaf", end=("cancelled", "cancelled_by_user"))
    eventually(lambda: scene.house.job(run_id)["state"] == "training", what=f"{run_id} trains")
    scene.house.cancel(run_id)
    scene.over()
    return True


def flood(scene: Scene) -> bool:
    """A training prints 400 MiB; beginning and end are kept, and never much more than the bound."""
    run_id = scene.submit("floods its console")
    console = scene.house.run_dir(run_id).attempt(1).console
    peak_bytes = 0

    def has_ended() -> bool:
        nonlocal peak_bytes
        peak_bytes = max(peak_bytes, console.stat().st_size if console.exists() else 0)
        record = scene.house.record(run_id)
        return record is not None and record["state"] == "done"

    eventually(has_ended, what=f"{run_id} is done")
    scene.over()
    kept = console.read_bytes()
    assert peak_bytes < _CONSOLE_PEAK_BYTES, f"the console log grew to {peak_bytes >> 20} MiB"
    assert len(kept) <= _CONSOLE_MOST_BYTES, f"{len(kept) >> 20} MiB of the console log are kept"
    assert kept.startswith(FIRST_WORDS), "the beginning of the console log is gone"
    assert LAST_WORDS in kept[-1024:], "the end of the console log is gone"
    assert b"were cut out here" in kept, "the cut is not told"
    return True


def _await_end(scene: Scene, run_id: str) -> None:
    def has_ended() -> bool:
        record = scene.house.record(run_id)
        return record is not None and record["finished_at"] is not None

    eventually(has_ended, what=f"{run_id} ends")


# real trainings


def strike_real_one(scene: Scene, *, strike: Callable[[Scene], bool]) -> bool:
    """A real training, beside tiny ones, is struck; it ends with the numbers of one that was left alone."""
    if scene.house.undisturbed is None:
        alone = scene.submit(PPO, seed=PPO_SEED, steps=PPO_STEPS)
        _await_end(scene, alone)
        scene.house.undisturbed = alone
    run_id = scene.submit(PPO, seed=PPO_SEED, steps=PPO_STEPS)
    find_prey(scene, run_id)
    time.sleep(scene.draw.uniform(0.0, _PPO_WITHIN_S))
    if find_prey(scene, run_id) is None:
        return False
    scene.only = run_id
    return strike(scene)


# one of two servers


def kill_one_of_two(scene: Scene) -> bool:
    """The other one does its work until it is started again."""
    _kill_door(scene, scene.draw.choice(scene.house.doors))
    return True


def stop_one_of_two(scene: Scene) -> bool:
    """It sleeps for longer than its leases last, and wakes when the other one has them."""
    door = scene.draw.choice(scene.house.doors)
    send(door.pid, signal.SIGSTOP)
    scene.over()
    time.sleep(LEASE_S * scene.draw.uniform(1.2, 2.0))
    send(door.pid, signal.SIGCONT)
    return True


def jump_one_of_two(scene: Scene) -> bool:
    """The clock of one is set by an hour; the one that is ahead now takes the run, and is killed with its lease."""
    run_id = scene.submit("until told")
    eventually(lambda: scene.house.job(run_id)["state"] == "training", what=f"{run_id} trains")
    wrong, right = scene.draw.sample(scene.house.doors, 2)
    wrong_s = scene.draw.choice((_JUMP_S, -_JUMP_S))
    _set_clock(scene, wrong, wrong_s)
    earliest = timedelta(seconds=max(wrong_s, 0.0) - _JUMP_S / 2)
    eventually(
        lambda: _leased_until(scene, run_id) > utc_now() + earliest, what="the one ahead takes the run"
    )
    _kill_door(scene, wrong if wrong_s > 0 else right)
    tell_to_go(scene.house.run_dir(run_id).path)
    scene.over()
    return True


def _leased_until(scene: Scene, run_id: str) -> datetime:
    return parse_utc(scene.house.rows("SELECT until FROM leases WHERE run_id = ?", run_id)[0][0])


def _kill_door(scene: Scene, door: Door) -> None:
    door.kill()
    scene.over()
    scene.undo.append(door.start)
