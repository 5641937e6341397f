"""A case: from its seed, runs are submitted, faults strike, everything comes to rest, and then must be as it should."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.faults import CRASHES, FAULTS, SKIPPED, house_of
from tests.faults.house import ENDED, House
from tests.faults.invariants import broken_in
from tests.faults.readers import Watch
from tests.faults.scene import Expected, Scene
from tests.faults.strikes import kill_server
from tests.waiting import PATIENCE_S, eventually

_SECOND_FRACTION = 0.2
_WITHIN_S = 0.9  # an undisturbed case is over by then
_REST_S = 90.0
_LAST_BREATH_S = 10.0  # for processes to leave once their proof is written
_CRASHED = 137
_MAX_SEED = 1 << 31


@dataclass(frozen=True)
class Case:
    """What happens in a case: all of it follows from the seed."""

    seed: int
    faults: tuple[str, ...]
    run_seeds: tuple[int, ...]
    delays_s: tuple[float, ...]

    @property
    def house(self) -> str:
        """The kind of house that it needs."""
        return house_of(self.faults[0])

    def __str__(self) -> str:
        moments = ", ".join(f"{n} at {d:.3f} s" for n, d in zip(self.faults, self.delays_s, strict=True))
        return f"seed {self.seed}: {len(self.run_seeds)} runs, {moments}"


@dataclass
class Outcome:
    """What came of a case."""

    case: Case
    struck: int = 0  # of its faults; the others found nothing left to strike
    recovery_s: float = 0.0  # from the end of the last fault to rest
    broken: list[str] = field(default_factory=list)


def make_case(seed: int, fault: str | None = None) -> Case:
    """The case of a seed; `fault` overrides the choice of the first fault."""
    draw = random.Random(seed)
    weights = {**{name: found.weight for name, found in FAULTS.items()}, **dict.fromkeys(CRASHES, 1.0)}
    names = [name for name in weights if name not in SKIPPED]
    drawn = draw.choices(names, [weights[name] for name in names])[0]
    faults = [fault or drawn]
    if faults[0] in FAULTS and FAULTS[faults[0]].mixes and draw.random() < _SECOND_FRACTION:
        faults.append(draw.choice([name for name, found in FAULTS.items() if found.mixes]))
    runs = draw.randint(1, 3)
    return Case(
        seed,
        tuple(faults),
        tuple(draw.randrange(1, _MAX_SEED) for _ in range(runs)),
        tuple(sorted(draw.uniform(0.0, _WITHIN_S) for _ in faults)),
    )


def run_case(house: House, case: Case) -> Outcome:
    """Let a case happen in a house. What does not hold is in the outcome; nothing is raised."""
    outcome = Outcome(case)
    scene = Scene(house, random.Random(case.seed ^ 0x5EED), f"{case.seed}-{time.monotonic_ns()}")
    watches: list[Watch] = []
    scene.on_submit = lambda run: _begin_watch(house, run, watches)
    try:
        _happen(case, scene, outcome)
        outcome.broken += _require_all(scene, watches)
    except Exception as error:  # noqa: BLE001  (a harness that breaks is a case that failed)
        outcome.broken.append(f"{type(error).__name__}: {error}")
    return outcome


def _begin_watch(house: House, run: Expected, watches: list[Watch]) -> None:
    watches.append(Watch(house, run.run_id))
    watches[-1].start()


def _happen(case: Case, scene: Scene, outcome: Outcome) -> None:
    crash = CRASHES.get(case.faults[0])
    if crash is not None:
        scene.house.door.stop()
        scene.house.door.start(crash_at=crash)
    scene.over_at = time.monotonic()
    striker = threading.Thread(target=_strike_all, args=(case, scene, outcome), daemon=True)
    striker.start()
    for seed in case.run_seeds:
        scene.submit(seed=seed)
    striker.join(PATIENCE_S)
    if striker.is_alive():
        outcome.broken.append(f"the fault itself is not over after {PATIENCE_S:.0f} s")
    rested_at = _settle(scene)
    outcome.recovery_s = max(rested_at - scene.over_at, 0.0)
    for undo in scene.undo:
        undo()


def _strike_all(case: Case, scene: Scene, outcome: Outcome) -> None:
    try:
        if case.faults[0] in CRASHES:
            outcome.struck += _await_crash(scene, case.faults[0])
            return
        for name, wait_s in zip(case.faults, _differences(case.delays_s), strict=True):
            time.sleep(wait_s)
            outcome.struck += FAULTS[name].strike(scene)
    except Exception as error:  # noqa: BLE001  (it must reach the outcome, not the thread's end)
        outcome.broken.append(f"the fault itself: {type(error).__name__}: {error}")


def _differences(moments: tuple[float, ...]) -> list[float]:
    return [after - before for before, after in zip((0.0, *moments), moments, strict=False)]


def _await_crash(scene: Scene, name: str) -> bool:
    """Wait until the server dies where it was told to, then start it as it always is."""
    if CRASHES[name].startswith("bury"):
        eventually(lambda: FAULTS["kill supervisor"].strike(scene), what="a supervisor to kill")
    process = scene.house.door.process
    assert process is not None
    eventually(lambda: process.poll() is not None, within_s=_REST_S, what=f"the server's {name}")
    assert process.returncode == _CRASHED, f"{name}: the server ended with {process.returncode}"
    return kill_server(scene)


def _settle(scene: Scene) -> float:
    """Wait until every run has ended for good, resuming those that a fault may have failed; when the last one did."""

    def is_at_rest() -> bool:
        records = scene.house.records(scene.run_ids)
        wanted = {run.run_id: run.reason for run in scene.runs}
        for run_id, record in records.items():
            if (
                record["state"] == "failed"
                and record["reason"] != wanted[run_id]
                and scene.is_excused(run_id, record)
            ):
                scene.house.resume(run_id)
                return False
        return all(record["state"] in ENDED for record in records.values())

    try:
        eventually(is_at_rest, within_s=_REST_S, what=f"rest of {scene.run_ids}")
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *scene.house.tell_where(scene.run_ids)])) from error
    return time.monotonic()


def _require_all(scene: Scene, watches: list[Watch]) -> list[str]:
    """What does not hold, looked at again for a moment: the last processes leave after the last word is written."""
    house, records = scene.house, scene.house.records(scene.run_ids)
    for run_id, record in records.items():
        house.sealed[run_id] = json.dumps(record, sort_keys=True)
    deadline = time.monotonic() + _LAST_BREATH_S
    broken = broken_in(house, scene.runs)
    while broken and time.monotonic() < deadline:
        time.sleep(0.05)
        broken = broken_in(house, scene.runs)
    return [*broken, *_broken_in_watches(watches, records)]


def _broken_in_watches(watches: list[Watch], records: dict[str, dict[str, object]]) -> Iterable[str]:
    for watch in watches:
        record = records.get(watch.run_id)
        if record is not None:
            last_seq = record["event_seq"]
            assert isinstance(last_seq, int)
            yield from (f"{watch.run_id}: {problem}" for problem in watch.close(last_seq))
