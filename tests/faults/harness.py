"""A case: from its seed, runs are submitted, faults strike, everything comes to rest, and then must be as it should."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.faults import CRASHES, FAULTS, SKIPPED, Scene, kill_server
from tests.faults.house import ENDED, House, a_house
from tests.faults.invariants import Expected, broken_in
from tests.waiting import PATIENCE_S, eventually

_SECOND_FRACTION = 0.2
_WITHIN_S = 0.9  # an undisturbed case is over by then
_REST_S = 60.0
_EXCUSES = ("signal 9", "PermissionError")  # of a training that was killed, or could not write its checkpoint
_LAST_BREATH_S = 3.0  # for processes to leave once their proof is written


@dataclass(frozen=True)
class Case:
    """What happens in a case: all of it follows from the seed."""

    seed: int
    faults: tuple[str, ...]
    run_seeds: tuple[int, ...]
    delays_s: tuple[float, ...]

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
    names = [name for name in (*FAULTS, *CRASHES) if name not in SKIPPED]
    first = fault or draw.choice(names)
    faults = [first]
    if first in FAULTS and draw.random() < _SECOND_FRACTION:
        faults.append(draw.choice([name for name in FAULTS if name not in SKIPPED]))
    runs = draw.randint(1, 3)
    return Case(
        seed,
        tuple(faults),
        tuple(draw.randrange(1, 1 << 31) for _ in range(runs)),
        tuple(sorted(draw.uniform(0.0, _WITHIN_S) for _ in faults)),
    )


def run_case(house: House, case: Case) -> Outcome:
    """Let a case happen in a house. What does not hold is in the outcome; nothing is raised."""
    outcome = Outcome(case)
    scene = Scene(house, random.Random(case.seed ^ 0x5EED))
    try:
        _happen(case, scene, outcome)
    except Exception as error:  # noqa: BLE001  (a harness that breaks is a case that failed)
        outcome.broken.append(f"{type(error).__name__}: {error}")
    return outcome


def _happen(case: Case, scene: Scene, outcome: Outcome) -> None:
    house, crash = scene.house, CRASHES.get(case.faults[0])
    if crash is not None:
        house.stop()
        house.start(crash_at=crash)
    scene.over_at = begun = time.monotonic()
    errors: list[str] = []
    striker = threading.Thread(target=_strike_all, args=(case, scene, outcome, errors), daemon=True)
    striker.start()
    runs = []
    for number, seed in enumerate(case.run_seeds):
        run_id = house.submit(f"{case.seed}-{case.faults[0]}-{number}-{begun}", seed)
        scene.run_ids.append(run_id)
        runs.append(Expected(run_id, seed))
    striker.join(PATIENCE_S)
    rested_at = _settle(scene)
    outcome.recovery_s = max(rested_at - scene.over_at, 0.0)
    outcome.broken += errors
    _require_all(house, runs, outcome)


def _require_all(house: House, runs: list[Expected], outcome: Outcome) -> None:
    for run_id, record in house.records([run.run_id for run in runs]).items():
        house.sealed[run_id] = json.dumps(record, sort_keys=True)
    deadline = time.monotonic() + _LAST_BREATH_S
    broken = broken_in(house, runs)
    while broken and time.monotonic() < deadline:
        time.sleep(0.05)
        broken = broken_in(house, runs)
    outcome.broken += broken


def _strike_all(case: Case, scene: Scene, outcome: Outcome, errors: list[str]) -> None:
    try:
        if case.faults[0] in CRASHES:
            outcome.struck += _await_crash(scene, case.faults[0])
            return
        for name, wait_s in zip(case.faults, _differences(case.delays_s), strict=True):
            time.sleep(wait_s)
            outcome.struck += FAULTS[name](scene)
    except Exception as error:  # noqa: BLE001  (it must reach the outcome, not the thread's end)
        errors.append(f"the fault itself: {type(error).__name__}: {error}")


def _differences(moments: tuple[float, ...]) -> list[float]:
    return [after - before for before, after in zip((0.0, *moments), moments, strict=False)]


def _await_crash(scene: Scene, name: str) -> bool:
    """Wait until the server dies where it was told to, then start it as it always is."""
    if CRASHES[name].startswith("bury"):
        eventually(lambda: FAULTS["kill supervisor"](scene), what="a supervisor to kill")
    process = scene.house.process
    assert process is not None
    eventually(lambda: process.poll() is not None, within_s=_REST_S, what=f"the server's {name}")
    assert process.returncode == 137, f"{name}: the server ended with {process.returncode}"
    return kill_server(scene)


def _settle(scene: Scene) -> float:
    """Wait until every run is done, resuming those whose training was killed; when the last one ended."""

    def is_at_rest() -> bool:
        records = scene.house.records(scene.run_ids)
        for run_id, record in records.items():
            known = run_id in scene.trainers_killed and record["reason"] == "trainer_error"
            if record["state"] == "failed" and known and any(why in record["error"] for why in _EXCUSES):
                scene.house.resume(run_id)
                return False
        return all(record["state"] in ENDED for record in records.values())

    eventually(is_at_rest, within_s=_REST_S, what=f"rest of {scene.run_ids}")
    return time.monotonic()


@contextmanager
def a_new_house() -> Iterator[House]:
    """A house in a temporary folder."""
    with TemporaryDirectory(prefix="headway-faults-") as folder, a_house(Path(folder)) as house:
        yield house
