"""What must hold once everything is at rest. Each check returns what does not."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

from headway.domain.errors import CorruptRunFile
from headway.wire.lines import decode_line
from headway.wire.rundir import find_json
from tests.e2e.harness import processes_of
from tests.faults.engine import METRIC, SIGNATURES, STEPS, checksum_of, values_of
from tests.faults.house import House
from tests.waiting import is_alive

_POINT = Struct("<qd")  # as in headway.store.series
_POINTS = (
    "SELECT series.attempt, blocks.payload FROM series JOIN blocks ON blocks.series_id = series.id "
    "WHERE series.run_id = ? AND series.name = ? AND blocks.level = 0 ORDER BY series.attempt, blocks.number"
)
_REMAINS = ("*.partial", ".draft-*", ".supervisor.*")


@dataclass(frozen=True)
class Expected:
    """A run as the case has made it."""

    run_id: str
    seed: int


def broken_in(house: House, runs: list[Expected]) -> list[str]:
    """All that does not hold for the runs of a case and the folder they live in; empty when everything does."""
    records = house.records([run.run_id for run in runs])
    found = [f"{run.run_id} was accepted and is lost" for run in runs if run.run_id not in records]
    for run in runs:
        if run.run_id in records:
            record = records[run.run_id]
            problems = [
                *_of_end(run, record),
                *_of_attempts(house, run, record),
                *_of_events(house, run, record),
                *_of_series(house, run),
            ]
            found += [f"{run.run_id}: {problem}" for problem in problems]
    return [*found, *_of_sealed(house), *_of_folder(house, runs), *_of_store(house)]


def _of_end(run: Expected, record: dict[str, Any]) -> Iterable[str]:
    if (record["state"], record["reason"]) != ("done", "completed"):
        yield f"ended {record['state']} ({record['reason']}): {record['error']}"
        return
    told = record["result"]["metrics"]
    wanted = {"checksum": checksum_of(run.seed), "steps": float(STEPS)}
    if told != wanted:
        yield f"its metrics are {told}, undisturbed they are {wanted}"


def _of_attempts(house: House, run: Expected, record: dict[str, Any]) -> Iterable[str]:
    folder = house.run_dir(run.run_id)
    numbers = sorted(int(p.name) for p in (folder.path / "attempts").iterdir())
    if numbers != list(range(1, record["attempt"] + 1)):
        yield f"the record counts {record['attempt']} attempts, the folder has {numbers}"
    signatures = folder.path / SIGNATURES
    starts = Counter(signatures.read_text().splitlines())
    yield from (
        f"attempt {number} was started {count} times" for number, count in starts.items() if count > 1
    )
    if "beside another training" in starts:
        yield "two trainings were alive at the same time"
    for number in numbers:
        attempt = folder.attempt(number)
        if find_json(attempt.exit) is None:
            yield f"attempt {number} has no proof of its death"
        if _is_locked(attempt.lock):
            yield f"the lock of attempt {number} is held"
        owner = find_json(attempt.supervisor)
        if owner and (is_alive(owner["pid"]) or is_alive(owner["trainer_pid"] or 0)):
            yield f"attempt {number} is alive"
        seqs = _seqs_of(attempt.events)
        if seqs != list(range(1, len(seqs) + 1)):
            yield f"the log of attempt {number} is not whole: {seqs}"


def _of_events(house: House, run: Expected, record: dict[str, Any]) -> Iterable[str]:
    kept = house.rows("SELECT seq, kind, attempt, data FROM events WHERE run_id = ? ORDER BY seq", run.run_id)
    told = [
        (event["seq"], event["kind"], event["attempt"], event["data"])
        for event in house.told_events(run.run_id)
    ]
    if [row[0] for row in kept] != list(range(1, record["event_seq"] + 1)):
        yield f"its events are {[row[0] for row in kept]}, its record counts {record['event_seq']}"
    if [(*row[:3], json.loads(row[3])) for row in kept] != told:
        yield f"a follower is told {[event[:2] for event in told]}, kept are {[row[:2] for row in kept]}"
    kinds = Counter(row[1] for row in kept)
    if kinds["run_claimed"] != record["attempt"]:
        yield f"it was claimed {kinds['run_claimed']} times for {record['attempt']} attempts"
    if kinds["run_ended"] != 1 + kinds["run_resumed"]:
        yield f"it ended {kinds['run_ended']} times and was resumed {kinds['run_resumed']} times"


def _of_series(house: House, run: Expected) -> Iterable[str]:
    reference = values_of(run.seed)
    seen: dict[int, list[int]] = {}
    for attempt, payload in house.rows(_POINTS, run.run_id, METRIC):
        for step, value in _POINT.iter_unpack(payload):
            seen.setdefault(attempt, []).append(step)
            if value != reference[step - 1]:
                yield f"{METRIC} of attempt {attempt} is {value} at step {step}, undisturbed {reference[step - 1]}"
    for attempt, steps in seen.items():
        if steps != list(range(steps[0], steps[0] + len(steps))):
            yield f"{METRIC} of attempt {attempt} has gaps or doubles: {steps}"
    missing = set(range(1, STEPS + 1)) - {step for steps in seen.values() for step in steps}
    if missing:
        yield f"{METRIC} has no point at {sorted(missing)}; attempts end at {[s[-1] for s in seen.values()]}"


def _of_sealed(house: House) -> Iterable[str]:
    records = house.records(list(house.sealed))
    for run_id, sealed in house.sealed.items():
        if json.dumps(records.get(run_id), sort_keys=True) != sealed:
            yield f"{run_id} had ended and was changed afterwards"


def _of_folder(house: House, runs: list[Expected]) -> Iterable[str]:
    if processes_of(house.data_dir):
        yield f"processes are left: {processes_of(house.data_dir)}"
    for run in runs:
        for pattern in _REMAINS:
            yield from (f"left behind: {path}" for path in house.run_dir(run.run_id).path.rglob(pattern))


def _of_store(house: House) -> Iterable[str]:
    held = {
        "queue": house.rows("SELECT run_id FROM queue"),
        "slots": house.rows("SELECT run_id FROM slots WHERE run_id IS NOT NULL"),
        "leases": house.rows("SELECT run_id FROM leases"),
    }
    yield from (f"{name} still holds {rows}" for name, rows in held.items() if rows)
    try:
        with closing(sqlite3.connect(house.database, timeout=0.5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        yield f"the database cannot be written: {error}"


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _seqs_of(path: Path) -> list[int]:
    found = []
    for raw in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        try:
            line = decode_line(raw)
        except CorruptRunFile:
            continue
        if line.seq != 1_000_000:  # written by a fault
            found.append(line.seq)
    return found
