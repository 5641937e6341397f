"""Remove what rules of retention choose, so that it can be killed anywhere and run again.

First the store says what goes, in one transaction with the rows that go. Then the files go. Killed in between, the next
run finds the files that are left, sees that they were told, and removes them without telling it twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from headway.control.advance import advance
from headway.domain.clock import format_utc
from headway.domain.errors import StaleAttempt
from headway.domain.events import EventKind
from headway.domain.json import JsonObject
from headway.domain.retention import Holdings, Item, Kept, Removal, Rules, choose
from headway.domain.runs import Run
from headway.domain.states import TERMINAL
from headway.ports import RunFilter, RunRows, Store, Transaction
from headway.wire.rundir import RunDir, list_checkpoints, measure, verified_step

_PAGE = 200
_EVENTS = 500
_LOGS = ("console.log", "events.jsonl")


@dataclass(frozen=True)
class Plan:
    """What goes of one run."""

    run: Run
    removals: tuple[Removal, ...]

    @property
    def size_bytes(self) -> int:
        return sum(removal.size_bytes for removal in self.removals)


def plan_removals(store: Store, runs_dir: Path, rules: Rules, now: datetime) -> Iterator[Plan]:
    """What the rules take of each run that has ended, newest first; nothing is changed."""
    which: RunFilter | None = RunFilter(states=TERMINAL, limit=_PAGE)
    while which is not None:
        page = store.read(partial(_list, which=which))
        for run in page.runs:
            removals = _choose(store, RunDir(runs_dir / run.id), run, rules, now)
            if removals:
                yield Plan(run, tuple(removals))
        which = replace(which, after=page.last) if page.last else None


def record_plan(store: Store, plan: Plan, now: datetime) -> bool:
    """Say what goes, and remove the rows; False, and nothing changed, when the run has moved on since."""
    try:
        store.write(lambda tx: _record(tx, plan, now))
    except StaleAttempt:
        return False
    return True


def remove_files(runs_dir: Path, plan: Plan) -> None:
    """Remove the files of a plan that was recorded."""
    folder = RunDir(runs_dir / plan.run.id)
    for removal in plan.removals:
        for path in removal.paths:
            _remove(folder.path / path)


def _list(tx: Transaction, which: RunFilter) -> RunRows:
    return tx.list_runs(which)


def _choose(store: Store, folder: RunDir, run: Run, rules: Rules, now: datetime) -> list[Removal]:
    if run.finished_at is None or not rules.reach(now - run.finished_at):  # most runs are young
        return []
    points, points_bytes = store.read(lambda tx: (tx.count_points(run.id), tx.measure_series(run.id)))
    holdings = Holdings(
        logs=[_item(folder, path) for path in _find_logs(folder)],
        checkpoints=[_item(folder, path) for path in list_checkpoints(folder)],
        points=points,
        points_bytes=points_bytes,
    )
    age = now - run.finished_at
    return choose(
        rules, run.state, age, holdings, lambda item: verified_step(folder.path / item.path) is not None
    )


def _find_logs(folder: RunDir) -> list[Path]:
    attempts = sorted((folder.path / "attempts").glob("*"))
    return [attempt / name for attempt in attempts for name in _LOGS if (attempt / name).is_file()]


def _item(folder: RunDir, path: Path) -> Item:
    return Item(folder.relative(path), measure(path))


def _record(tx: Transaction, plan: Plan, now: datetime) -> None:
    run = tx.get_run(plan.run.id)
    if not run.ended or run.event_seq != plan.run.event_seq:
        raise StaleAttempt(f"{run.id} has moved on since it was looked at")
    told = _told_paths(tx, run)
    untold = [removal for removal in plan.removals if removal.points or not told.issuperset(removal.paths)]
    for removal in untold:
        if removal.kept is Kept.METRICS:
            tx.remove_series(run.id)
        if removal.kept is Kept.CHECKPOINTS:
            for path in removal.paths:
                tx.remove_checkpoint(run.id, path)
    if untold:
        data: JsonObject = {removal.kept.value: removal.to_json() for removal in untold}
        removed = {**run.removed, **{removal.kept.value: format_utc(now) for removal in untold}}
        advance(tx, run, EventKind.DATA_REMOVED, at=now, data=data, removed=removed)


def _told_paths(tx: Transaction, run: Run) -> set[str]:
    """Paths that an event has told to be removed, since the run was last resumed."""
    told: set[str] = set()
    after = 0 if run.removed else run.event_seq
    while after < run.event_seq:
        for event in tx.events_of(run.id, after, _EVENTS):
            after = event.seq
            if event.kind is EventKind.RUN_RESUMED:
                told.clear()
            if event.kind is EventKind.DATA_REMOVED:
                told |= {path for removal in event.data.values() for path in _paths_of(removal)}
    return told


def _paths_of(removal: object) -> list[str]:
    return list(removal["paths"]) if isinstance(removal, dict) else []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
