"""One unit of work on a SQL database: the port Transaction, statement by statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.clock import format_utc, parse_utc
from headway.domain.errors import NotFound, StaleAttempt
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject, encode_json
from headway.domain.metrics import Bucket, MetricPoint
from headway.domain.runs import Run
from headway.ports import LogCursor, Reply, RunFilter, RunRows, SlotUse
from headway.store import counting, listing, overlap, statements
from headway.store.blocks import SqlSeries
from headway.store.codec import decode_run, encode_run, to_text
from headway.store.hooks import SqlHooks
from headway.store.matching import sort_name
from headway.store.session import Session, Values
from headway.store.signed_in import SqlSessions
from headway.store.tables import artifacts, checkpoints, cursors, events, queue, replies, runs, slots
from headway.store.tally import Tally
from headway.store.totals import Totals

_NEAR = 1_000  # places in the queue


class SqlTransaction(SqlHooks, SqlSessions):
    """Works on a connection that is within a transaction; commits nothing itself."""

    def __init__(self, session: Session, tally: Tally | None = None, totals: Totals | None = None) -> None:
        self._db = session
        self._tally = tally or Tally(session)
        self._totals = totals  # of reads alone: what a write has counted may be undone
        self._series = SqlSeries(session)
        self._new: set[str] = set()  # runs that nothing can have queued yet

    # runs
    def insert_run(self, run: Run) -> None:
        _insert(self._db, runs, columns_of(run), f"the run {run.id} exists already")
        self._new.add(run.id)
        listing.index_labels(self._db, run, new=True)
        self._tally.note_lists()

    def update_run(self, run: Run, *, expected_seq: int) -> None:
        """Most facts about a run leave it in its state: then what lists keep beside it stays as it is."""
        changes = {"b_id": run.id, "b_seq": expected_seq, **columns_of(run)}
        if self._db.run(statements.UPDATE_RUN_IN_STATE, {**changes, "b_state": run.state.value}).rowcount:
            return
        if self._db.run(statements.UPDATE_RUN, changes).rowcount == 0:
            stored = self.get_run(run.id)
            raise StaleAttempt(f"{run.id} has moved on: event {stored.event_seq}, not {expected_seq}")
        listing.index_state(self._db, run)
        self._tally.note_lists()

    def touch_run(self, run: Run) -> None:
        stored = self.get_run(run.id)
        touched = stored.evolve(progress=run.progress, latest=run.latest, best=run.best)
        changes = {"b_id": run.id, "b_attempt": run.attempt, "record": encode_run(touched)}
        if self._db.run(statements.TOUCH_RUN, changes).rowcount == 0:
            raise StaleAttempt(f"attempt {run.attempt} of {run.id} is over")

    def find_run(self, run_id: str) -> Run | None:
        record = self._db.scalar(statements.FIND_RUN, {"b_id": run_id})
        return None if record is None else decode_run(record)

    def get_run(self, run_id: str) -> Run:
        run = self.find_run(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        return run

    def list_runs(self, which: RunFilter) -> RunRows:
        return listing.list_rows(self._db, which)

    def count_runs(self, which: RunFilter) -> int:
        return counting.count_rows(self._db, which, self._totals)

    def index_labels(self, run: Run) -> None:
        listing.index_labels(self._db, run)
        self._tally.note_lists()

    def index_numbers(self, run: Run) -> None:
        listing.index_numbers(self._db, run)
        self._tally.note_lists()

    def active_runs(self) -> list[Run]:
        return [decode_run(record) for (record,) in self._db.run(statements.ACTIVE_RUNS, {})]

    def newest_done(self, engine: str, series: str) -> Run | None:
        record = self._db.scalar(statements.NEWEST_DONE, {"b_engine": engine, "b_series": series})
        return None if record is None else decode_run(record)

    def creation_times(self, owner: str, since: datetime, limit: int) -> list[datetime]:
        bounds = {"b_owner": owner, "b_since": format_utc(since), "b_limit": limit}
        return [parse_utc(text) for (text,) in self._db.run(statements.CREATION_TIMES, bounds)]

    # idempotency
    def find_reply(self, owner: str, key: str) -> Reply | None:
        if self._db.has_waiting(replies, {"owner": owner, "key": key}):
            self._db.settle()
        row = self._db.run_aside(statements.FIND_REPLY, {"b_owner": owner, "b_key": key}).fetchone()
        if row is None:
            return None
        run_id, body_sha256, response, created_at = row
        return Reply(run_id, body_sha256, json.loads(response), parse_utc(created_at))

    def insert_reply(self, owner: str, key: str, reply: Reply) -> None:
        row = {
            "owner": owner,
            "key": key,
            "run_id": reply.run_id,
            "body_sha256": reply.body_sha256,
            "response": encode_json(reply.response).decode(),
            "created_at": format_utc(reply.created_at),
        }
        _insert(self._db, replies, row, f"the key {key!r} is taken")

    # queue and slots
    def enqueue(self, run: Run) -> None:
        rank, created_at = -run.spec.priority, format_utc(run.created_at)
        if run.id in self._new:
            self._new.remove(run.id)
            self._tally.look_at_queue()
            self._db.insert(queue, {"run_id": run.id, "rank": rank, "created_at": created_at})
            self._tally.add_place((rank, created_at, run.id))
            return
        row = {"b_id": run.id, "b_rank": rank, "b_created": created_at}
        self._tally.change_length(self._db.run(statements.ENQUEUE, row).rowcount)

    def dequeue(self, run_id: str) -> None:
        self._tally.change_length(-self._db.run(statements.DEQUEUE, {"b_id": run_id}).rowcount)

    def queue_position(self, run_id: str) -> int | None:
        """Counted from the end where that is near: there a new run is, however long the queue."""
        if self._tally.is_last(run_id):
            return self._tally.length - 1
        row = self._db.run(statements.FIND_PLACE, {"b_id": run_id, "b_limit": _NEAR}).fetchone()
        if row is None:
            return None
        rank, created_at, behind = row
        if behind < _NEAR:
            return self._tally.length - int(behind) - 1
        return int(
            self._db.scalar(statements.COUNT_AHEAD, {"b_rank": rank, "b_created": created_at, "b_id": run_id})
        )

    def queued(self, limit: int) -> list[str]:
        return [run_id for (run_id,) in self._db.run(statements.QUEUED, {"b_limit": limit})]

    def queue_length(self) -> int:
        return self._tally.length

    def set_slots(self, kind: str, count: int) -> None:
        of_kind = slots.c.kind == kind
        self._db.execute(delete(slots).where(of_kind, slots.c.slot >= count, slots.c.run_id.is_(None)))
        self._db.execute(update(slots).where(of_kind, slots.c.slot >= count).values(retired=1))
        self._db.execute(update(slots).where(of_kind, slots.c.slot < count).values(retired=0))
        there = set(self._db.execute(select(slots.c.slot).where(of_kind)).scalars())
        missing = [index for index in range(count) if index not in there]
        for index in missing:
            self._db.execute(insert(slots), {"kind": kind, "slot": index, "run_id": None, "retired": 0})

    def slots(self) -> list[SlotUse]:
        return [SlotUse(*row) for row in self._db.run(statements.SLOTS, {})]

    def claim_slots(self, run_id: str, kind: str, count: int) -> tuple[int, ...] | None:
        free = select(slots.c.slot).where(
            slots.c.kind == kind, slots.c.run_id.is_(None), slots.c.retired == 0
        )
        chosen = tuple(self._db.execute(free.order_by(slots.c.slot).limit(count)).scalars())
        if len(chosen) < count:
            return None
        taken = update(slots).where(slots.c.kind == kind, slots.c.slot.in_(chosen))
        self._db.execute(taken.values(run_id=run_id))
        return chosen

    def free_slots(self, run_id: str) -> None:
        self._db.run(statements.FREE_RETIRED_SLOTS, {"b_id": run_id})
        self._db.run(statements.FREE_SLOTS, {"b_id": run_id})

    def set_lease(self, run_id: str, token: str, until: datetime) -> None:
        self.drop_lease(run_id)
        row = {"run_id": run_id, "token": token, "until": format_utc(until)}
        self._db.run(statements.INSERT_LEASE, row)

    def extend_lease(self, run_id: str, token: str, until: datetime) -> bool:
        held = {"b_id": run_id, "b_token": token, "until": format_utc(until)}
        return bool(self._db.run(statements.EXTEND_LEASE, held).rowcount > 0)

    def find_lease(self, run_id: str) -> tuple[str, datetime] | None:
        row = self._db.run(statements.FIND_LEASE, {"b_id": run_id}).fetchone()
        return None if row is None else (row[0], parse_utc(row[1]))

    def drop_lease(self, run_id: str) -> None:
        self._db.run(statements.DROP_LEASE, {"b_id": run_id})

    # events
    def append_event(
        self, run_id: str, seq: int, attempt: int, at: datetime, kind: EventKind, data: JsonObject
    ) -> Event:
        position = self._tally.next_position()
        row = {
            "position": position,
            "run_id": run_id,
            "seq": seq,
            "attempt": attempt,
            "at": format_utc(at),
            "kind": kind.value,
            "data": encode_json(data).decode(),
        }
        _insert(self._db, events, row, f"event {seq} of {run_id} exists already")
        return Event(run_id, seq, position, attempt, at, kind, data)

    def events_of(self, run_id: str, after_seq: int, limit: int) -> list[Event]:
        found = self._db.run(statements.EVENTS_OF, {"b_id": run_id, "b_after": after_seq, "b_limit": limit})
        return [_to_event(row) for row in found]

    def events_after(self, position: int, limit: int) -> list[Event]:
        found = self._db.run(statements.EVENTS_AFTER, {"b_after": position, "b_limit": limit})
        return [_to_event(row) for row in found]

    def last_position(self) -> int:
        return self._tally.position

    def find_cursor(self, subscriber: str) -> int | None:
        found = select(cursors.c.position).where(cursors.c.subscriber == subscriber)
        return self._db.execute(found).scalar()

    def set_cursor(self, subscriber: str, position: int) -> None:
        stored = self.find_cursor(subscriber)
        if stored is None:
            self._db.execute(insert(cursors), {"subscriber": subscriber, "position": position})
        elif position > stored:
            moved = update(cursors).where(cursors.c.subscriber == subscriber)
            self._db.execute(moved.values(position=position))

    # logs, metrics, files
    def log_cursor(self, run_id: str, attempt: int) -> LogCursor:
        row = self._db.run(statements.LOG_CURSOR, {"b_id": run_id, "b_attempt": attempt}).fetchone()
        return LogCursor() if row is None else LogCursor(*row)

    def set_log_cursor(self, run_id: str, attempt: int, cursor: LogCursor) -> None:
        overlap.require_forward(self.log_cursor(run_id, attempt), cursor)
        values = {"offset_bytes": cursor.offset_bytes, "seq": cursor.seq}
        place = {"b_id": run_id, "b_attempt": attempt}
        if self._db.run(statements.MOVE_LOG_CURSOR, {**place, **values}).rowcount == 0:
            row = {"run_id": run_id, "attempt": attempt, **values}
            self._db.run(statements.INSERT_LOG_CURSOR, row)

    def append_points(self, run_id: str, attempt: int, points: Sequence[MetricPoint]) -> None:
        for name, pairs in overlap.by_name(points).items():
            self._series.append(run_id, attempt, name, pairs)

    def series_names(self, run_id: str) -> list[str]:
        return self._series.names(run_id)

    def series(
        self,
        run_id: str,
        name: str,
        *,
        attempt: int | None = None,
        first_step: int | None = None,
        last_step: int | None = None,
        max_buckets: int = 1000,
    ) -> list[Bucket]:
        window = overlap.window(first_step, last_step)
        return overlap.read_parts(self._series.parts(run_id, name, attempt), window, max_buckets)

    def count_points(self, run_id: str) -> int:
        return self._series.count_points(run_id)

    def measure_series(self, run_id: str) -> int:
        return self._series.measure(run_id)

    def remove_series(self, run_id: str) -> None:
        self._series.remove(run_id)

    def add_artifact(self, run_id: str, artifact: Artifact) -> None:
        old = delete(artifacts).where(artifacts.c.run_id == run_id, artifacts.c.path == artifact.path)
        self._db.execute(old)
        self._db.execute(insert(artifacts), {"run_id": run_id, **artifact.to_json()})

    def add_checkpoint(self, run_id: str, checkpoint: Checkpoint) -> None:
        at = checkpoints.c.path == checkpoint.path
        self._db.execute(delete(checkpoints).where(checkpoints.c.run_id == run_id, at))
        self._db.execute(insert(checkpoints), {"run_id": run_id, **checkpoint.to_json()})

    def remove_checkpoint(self, run_id: str, path: str) -> None:
        at = checkpoints.c.path == path
        self._db.execute(delete(checkpoints).where(checkpoints.c.run_id == run_id, at))

    def artifacts(self, run_id: str) -> list[Artifact]:
        found = select(artifacts).where(artifacts.c.run_id == run_id).order_by(artifacts.c.path)
        return [Artifact(row.path, row.kind, row.size_bytes, row.sha256) for row in self._db.execute(found)]

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        found = select(checkpoints).where(checkpoints.c.run_id == run_id).order_by(checkpoints.c.step.desc())
        rows = self._db.execute(found)
        return [Checkpoint(row.path, row.step, row.size_bytes, row.sha256) for row in rows]


def columns_of(run: Run) -> dict[str, Any]:
    """The row of a run."""
    return {
        "id": run.id,
        "engine": run.spec.engine,
        "origin": run.spec.origin,
        "owner": run.owner,
        "series": run.series,
        "state": run.state.value,
        "attempt": run.attempt,
        "event_seq": run.event_seq,
        "created_at": format_utc(run.created_at),
        "finished_at": to_text(run.finished_at) or "",
        "started_at": to_text(run.started_at) or "",
        "sort_name": sort_name(run),
        "fraction": run.progress.fraction,
        "record": encode_run(run),
    }


def _insert(session: Session, table: Table, row: Values, taken: str) -> None:
    try:
        session.insert(table, row)
    except IntegrityError as error:
        raise ValueError(taken) from error


def _to_event(row: tuple[Any, ...]) -> Event:
    run_id, seq, position, attempt, at, kind, data = row
    return Event(run_id, seq, position, attempt, parse_utc(at), EventKind(kind), json.loads(data))
