"""Do the records of the runs agree with their columns, their events, and with who holds queue, slots and leases?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, select

from headway.domain.events import EventKind
from headway.domain.fold import TELLING, Fact, Standing, fold
from headway.domain.runs import Run
from headway.domain.states import ACTIVE, State
from headway.store import statements
from headway.store.codec import find_run
from headway.store.findings import RESTORE, Finding
from headway.store.tables import counters, cursors, events, leases, queue, runs, slots
from headway.store.transaction import columns_of

_BATCH = 1000
_LAGGING = {"record", "fraction"}  # the record itself, and what follows the newest kept event
_TELLING = sorted(kind.value for kind in TELLING)


def check_runs(connection: Connection) -> Iterator[Finding]:
    """Each run against its columns and its events."""
    numbers = select(events.c.run_id, func.count(), func.min(events.c.seq), func.max(events.c.seq))
    counted = connection.execute(numbers.group_by(events.c.run_id))
    sequences = {run_id: (count, lowest, highest) for run_id, count, lowest, highest in counted}
    standings = _fold_all(connection)
    every = connection.execute(select(runs).order_by(runs.c.id), execution_options={"yield_per": _BATCH})
    for row in every:
        run = find_run(row.record)
        if run is None:
            yield Finding("states", row.id, "its record cannot be read", RESTORE)
            continue
        for found in (*_of_columns(row, run), *_of_sequence(run, sequences.get(run.id, (0, 0, 0)))):
            yield Finding("events", run.id, found, RESTORE)
        for found in _of_standing(run, standings.get(run.id, Standing())):
            yield Finding("states", run.id, found, RESTORE)


def check_holders(connection: Connection) -> Iterator[Finding]:
    """Queue, slots, leases and cursors against the states of the runs."""
    states = {row.id: row.state for row in connection.execute(select(runs.c.id, runs.c.state))}
    queued = set(connection.execute(select(queue.c.run_id)).scalars())
    yield from _of_queue(states, queued)
    kept = connection.execute(
        select(counters.c.value).where(counters.c.name == statements.LENGTH)
    ).scalar_one_or_none()
    if kept != len(queued):
        yield Finding("queue", "length", f"{len(queued)} runs are in it, and the counter is {kept}", RESTORE)
    held = select(slots.c.run_id, slots.c.kind, func.count()).where(slots.c.run_id.is_not(None))
    counted = {(run_id, kind): n for run_id, kind, n in connection.execute(held.group_by("run_id", "kind"))}
    yield from _of_slots(connection, states, Counter(counted))
    for run_id in connection.execute(select(leases.c.run_id)).scalars():
        if states.get(run_id) not in ACTIVE:
            found = f"it is {states.get(run_id)} and has a lease"
            yield Finding("leases", run_id, found, RESTORE)
    last = connection.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one()
    for row in connection.execute(select(cursors).where(cursors.c.position > last)):
        found = f"it has read to position {row.position}, the last event is at {last}"
        yield Finding("events", f"cursor {row.subscriber}", found, RESTORE)


def _fold_all(connection: Connection) -> dict[str, Standing]:
    """The standing of every run that has events."""
    wanted = select(events.c.run_id, events.c.kind, events.c.attempt, events.c.data)
    query = wanted.where(events.c.kind.in_(_TELLING)).order_by(events.c.run_id, events.c.seq)
    rows = connection.execute(query, execution_options={"yield_per": _BATCH})
    return {run_id: fold(_facts(found)) for run_id, found in groupby(rows, key=lambda row: str(row.run_id))}


def _facts(rows: Iterable[Any]) -> Iterator[Fact]:
    for row in rows:
        yield EventKind(row.kind), row.attempt, json.loads(row.data)


def _of_columns(row: Row[Any], run: Run) -> Iterator[str]:
    for name, value in columns_of(run).items():
        if name not in _LAGGING and getattr(row, name) != value:
            yield f"its column {name} is {getattr(row, name)!r}, its record says {value!r}"


def _of_sequence(run: Run, sequence: tuple[int, int, int]) -> Iterator[str]:
    if sequence != (run.event_seq, min(run.event_seq, 1), run.event_seq):
        count, lowest, highest = sequence
        yield f"it has {count} events, numbered {lowest} to {highest}; its record counts {run.event_seq}"


def _of_standing(run: Run, standing: Standing) -> Iterator[str]:
    """A run must stand as its events add up."""
    if standing.broken is not None:
        yield f"its events make a move that no run makes: {standing.broken}"
    told = {
        "state": (run.state, standing.state),
        "attempt": (run.attempt, standing.attempt),
        "reason": (run.reason.value if run.reason else None, standing.reason),
        "request to cancel": (run.cancel_requested_at is not None, standing.cancel_requested),
        "lost contact": (run.contact_lost_since is not None, standing.contact_lost),
        "end": (run.finished_at is not None, run.ended),
    }
    for name, (recorded, folded) in told.items():
        if recorded != folded:
            yield f"its {name} is {recorded}, its events add up to {folded}"


def _of_queue(states: dict[str, str], queued: set[str]) -> Iterator[Finding]:
    waiting = {run_id for run_id, state in states.items() if state == State.QUEUED}
    for run_id in sorted(waiting - queued):
        remedy = f"skippy-train cancel {run_id}, then skippy-train resume {run_id}"
        yield Finding("queue", run_id, "it is queued and not in the queue: it would wait for ever", remedy)
    for run_id in sorted(queued - waiting):
        yield Finding("queue", run_id, f"it is {states.get(run_id)} and in the queue", RESTORE)


def _of_slots(
    connection: Connection, states: dict[str, str], held: Counter[tuple[str, str]]
) -> Iterator[Finding]:
    for (run_id, kind), count in sorted(held.items()):
        if states.get(run_id) not in ACTIVE:
            yield Finding("slots", run_id, f"it is {states.get(run_id)} and holds {count} of {kind}", RESTORE)
    active = select(runs.c.record).where(runs.c.state.in_([state.value for state in ACTIVE]))
    for run in filter(None, map(find_run, connection.execute(active).scalars())):
        for kind, wanted in (("cpu", run.spec.limits.cpus), ("gpu", run.spec.limits.gpus)):
            if held[run.id, kind] != wanted:
                found = f"it is {run.state} and holds {held[run.id, kind]} of {kind}, not {wanted}"
                yield Finding("slots", run.id, found, RESTORE)
