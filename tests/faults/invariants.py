"""What must hold once everything is at rest. Each check returns what does not."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from struct import Struct
from typing import Any

from headway.domain.errors import CorruptRunFile
from headway.store.check import check_store
from headway.store.findings import PROBLEM
from headway.wire.lines import decode_line
from headway.wire.rundir import find_json
from tests.e2e.harness import processes_of
from tests.faults.engine import METRIC, PPO, SIGNATURES, STEPS, checksum_of, values_of
from tests.faults.house import House
from tests.faults.readers import broken_in_messages, broken_in_outbox
from tests.faults.scene import Expected
from tests.waiting import is_alive

_POINT = Struct("<qd")  # as in headway.store.series
_POINTS = (
    "SELECT series.attempt, blocks.payload FROM series JOIN blocks ON blocks.series_id = series.id "
    "WHERE series.run_id = ? AND series.name = ? AND blocks.level = 0 ORDER BY series.attempt, blocks.number"
)
_OF_TIME = ("second", "per_s", "elapsed", "time")  # in the names of numbers that differ from run to run
_REMAINS = ("*.partial", ".draft-*", ".supervisor.*")


def broken_in(house: House, runs: list[Expected]) -> list[str]:
    """All that does not hold for the runs of a case and the folder they live in; empty when everything does."""
    records = house.records([run.run_id for run in runs])
    found = [f"{run.run_id} was accepted and is lost" for run in runs if run.run_id not in records]
    for run in runs:
        if run.run_id in records:
            record = records[run.run_id]
            problems = [
                *_of_end(house, run, record),
                *_of_attempts(house, run, record),
                *_of_events(house, run, record),
                *(_of_real_series(house, run) if run.notes == PPO else _of_series(house, run, record)),
                *(broken_in_messages(house, run.run_id) if house.receiver is not None else ()),
            ]
            found += [f"{run.run_id}: {problem}" for problem in problems]
    found += [*_of_sealed(house), *_of_folder(house, runs), *_of_store(house)]
    return [*found, *_of_check(house), *broken_in_outbox(house)]


def _of_end(house: House, run: Expected, record: dict[str, Any]) -> Iterable[str]:
    if (record["state"], record["reason"]) != (run.state, run.reason):
        yield f"ended {record['state']} ({record['reason']}): {record['error']}"
    elif run.state == "done":
        told, wanted = record["result"]["metrics"], _undisturbed_metrics(house, run)
        differing = {
            name: (told.get(name), value) for name, value in wanted.items() if told.get(name) != value
        }
        if differing:
            yield f"its metrics are not those of an undisturbed training (found, wanted): {differing}"


def _undisturbed_metrics(house: House, run: Expected) -> dict[str, Any]:
    if run.notes != PPO:
        return {"checksum": checksum_of(run.seed), "steps": float(STEPS)}
    assert house.undisturbed is not None
    record = house.record(house.undisturbed)
    assert record is not None
    return {name: value for name, value in record["result"]["metrics"].items() if not _is_of_time(name)}


def _is_of_time(name: str) -> bool:
    return any(word in name for word in _OF_TIME)


def _of_attempts(house: House, run: Expected, record: dict[str, Any]) -> Iterable[str]:
    folder = house.run_dir(run.run_id)
    numbers = sorted(int(p.name) for p in (folder.path / "attempts").iterdir())
    if numbers != list(range(1, record["attempt"] + 1)):
        yield f"the record counts {record['attempt']} attempts, the folder has {numbers}"
    signatures = folder.path / SIGNATURES
    starts = Counter(signatures.read_text().splitlines() if signatures.exists() else [])
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


def _of_series(house: House, run: Expected, record: dict[str, Any]) -> Iterable[str]:
    reference = values_of(run.seed)
    seen: dict[int, list[int]] = {}
    for attempt, step, value in _points_of(house, run.run_id, METRIC):
        seen.setdefault(attempt, []).append(step)
        if value != reference[step - 1]:
            yield f"{METRIC} of attempt {attempt} is {value} at step {step}, undisturbed {reference[step - 1]}"
    for attempt, steps in seen.items():
        if steps != list(range(steps[0], steps[0] + len(steps))):
            yield f"{METRIC} of attempt {attempt} has gaps or doubles: {steps}"
    missing = set(range(1, STEPS + 1)) - {step for steps in seen.values() for step in steps}
    if missing and record["state"] == "done":
        yield f"{METRIC} has no point at {sorted(missing)}; attempts end at {[s[-1] for s in seen.values()]}"


def _of_real_series(house: House, run: Expected) -> Iterable[str]:
    """Each point is that of the undisturbed training at its step, and none is missing."""
    assert house.undisturbed is not None
    names = {row[0] for row in house.rows("SELECT name FROM series WHERE run_id = ?", house.undisturbed)}
    for name in sorted(name for name in names if not _is_of_time(name)):
        wanted = {step: value for _, step, value in _points_of(house, house.undisturbed, name)}
        found = list(_points_of(house, run.run_id, name))
        if {step: value for _, step, value in found} != wanted:
            yield f"{name} is not that of an undisturbed training"
        steps = Counter((attempt, step) for attempt, step, _ in found)
        yield from (f"{name} has {count} points at {at}" for at, count in steps.items() if count > 1)


def _points_of(house: House, run_id: str, name: str) -> Iterable[tuple[int, int, float]]:
    """Attempt, step and value, in the order in which they were kept."""
    for attempt, payload in house.rows(_POINTS, run_id, name):
        yield from ((attempt, step, value) for step, value in _POINT.iter_unpack(payload))


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
    if house.database_url is not None:
        return
    try:
        with closing(sqlite3.connect(house.database, timeout=0.5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        yield f"the database cannot be written: {error}"


def _of_check(house: House) -> Iterable[str]:
    """What `headway store check --deep` says of everything that has happened in the house."""
    url = house.database_url or f"sqlite:///{house.database}"
    report = check_store(url, house.data_dir / "runs", deep=True)
    for finding in report.findings:
        if finding.level == PROBLEM:
            yield f"store check: {finding.check}: {finding.about}: {finding.found}"


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
