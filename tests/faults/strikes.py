"""Faults of processes: killed, stopped, shut down."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.harness import _child_running
from tests.faults.house import CONTACT_LOST_AFTER_S
from tests.faults.rogues import tell_to_go
from tests.faults.scene import Prey, Scene, find_prey, send
from tests.waiting import eventually

_SPIN_S = 1.5
_DOWN_S = 0.3
_STOPPED_S = 1.2
_LONG_STOP_S = 6.0  # longer than a server waits for its fork server
_LONG_STOP_FRACTION = 0.1
_DEADLINE_S = CONTACT_LOST_AFTER_S + 1.0 + 10.0  # a beat, and what a busy machine needs


def restart(scene: Scene) -> None:
    """Start the killed server after a moment."""
    time.sleep(scene.draw.uniform(0.0, _DOWN_S))
    scene.over()
    scene.house.door.start()


def kill_server(scene: Scene) -> bool:
    scene.house.door.kill()
    restart(scene)
    return True


def kill(scene: Scene, *, server: bool = False, supervisor: bool = False, trainer: bool = False) -> bool:
    """Kill processes around a random run, in random order."""
    prey = find_prey(scene)
    if prey is None:
        return False
    if trainer:
        scene.excuse_killed(prey.run_id)
    pids = [prey.trainer] * trainer + [prey.supervisor] * supervisor + [scene.house.door.pid] * server
    scene.draw.shuffle(pids)
    for pid in pids:
        send(pid)
    scene.over()
    return kill_server(scene) if server else True


def kill_fork_server(scene: Scene) -> bool:
    pid = _fork_server_of(scene)
    if pid is None:
        return False
    send(pid)
    scene.over()
    return True


def stop_fork_server(scene: Scene) -> bool:
    """It is stopped while a run wants to start, now and then for longer than the server waits."""
    pid = _fork_server_of(scene)
    if pid is None:
        return False
    is_long = scene.draw.random() < _LONG_STOP_FRACTION
    send(pid, signal.SIGSTOP)
    scene.submit()
    time.sleep(_LONG_STOP_S if is_long else scene.draw.uniform(0.05, _STOPPED_S))
    send(pid, signal.SIGCONT)
    scene.over()
    return True


def _fork_server_of(scene: Scene) -> int | None:
    return _child_running(scene.house.door.pid, "tests.faults.programs")


def shut_supervisor_down(scene: Scene) -> bool:
    """As the machine does when it is shut down in order: the training is asked for a checkpoint."""
    prey = find_prey(scene)
    if prey is None:
        return False
    send(prey.supervisor, signal.SIGTERM)
    scene.over()
    return True


def _pause(scene: Scene, pid: int) -> bool:
    send(pid, signal.SIGSTOP)
    time.sleep(scene.draw.uniform(0.05, _STOPPED_S))
    send(pid, signal.SIGCONT)
    scene.over()
    return True


def stop_server(scene: Scene) -> bool:
    return _pause(scene, scene.house.door.pid)


def stop_supervisor(scene: Scene) -> bool:
    prey = find_prey(scene)
    return prey is not None and _pause(scene, prey.supervisor)


def stop_trainer(scene: Scene) -> bool:
    prey = find_prey(scene)
    return prey is not None and _pause(scene, prey.trainer)


def stop_supervisor_until_seen(scene: Scene) -> bool:
    """The API shows that contact is lost, and since when, within its deadline; then that it is live again."""
    run_id = scene.submit("until told")
    eventually(lambda: scene.house.job(run_id)["state"] == "training", what=f"{run_id} trains")
    prey = find_prey(scene, run_id)
    assert prey is not None, f"{run_id} waits, and has no training process"
    send(prey.supervisor, signal.SIGSTOP)
    try:
        _await_contact(scene, run_id, "lost")
    finally:
        send(prey.supervisor, signal.SIGCONT)
    _await_contact(scene, run_id, "live")
    tell_to_go(scene.house.run_dir(run_id).path)
    scene.over()
    return True


def _await_contact(scene: Scene, run_id: str, state: str) -> None:
    def is_shown() -> bool:
        contact = scene.house.job(run_id)["contact"]
        since = contact and contact["lostSince"]
        return bool(contact) and contact["state"] == state and bool(since) == (state == "lost")

    eventually(is_shown, within_s=_DEADLINE_S, what=f"contact with {run_id} is {state}")


def kill_trainer_at_checkpoint(scene: Scene) -> bool:
    """As soon as a checkpoint is in place, before much else can be written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    folder = scene.house.run_dir(prey.run_id).checkpoints
    before = _names_in(folder)
    if not _spin(lambda: any(name[0] != "." for name in _names_in(folder) - before)):
        return False
    return _kill_trainer(scene, prey)


def kill_trainer_amid_write(scene: Scene) -> bool:
    """While a file of the run is half written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    run = scene.house.run_dir(prey.run_id)
    places = (run.path, run.checkpoints)
    if not _spin(lambda: any(name[0] == "." for place in places for name in _names_in(place))):
        return False
    return _kill_trainer(scene, prey)


def kill_supervisor_amid_write(scene: Scene) -> bool:
    """While its record or its proof is half written."""
    prey = find_prey(scene)
    if prey is None:
        return False
    if not _spin(lambda: any(name[0] == "." for name in _names_in(prey.attempt.path))):
        return False
    send(prey.supervisor)
    scene.over()
    return True


def _kill_trainer(scene: Scene, prey: Prey) -> bool:
    scene.excuse_killed(prey.run_id)
    send(prey.trainer)
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
