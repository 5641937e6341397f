"""A store in memory: the same promises but one, that it survives the process."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.errors import NotFound, StaleAttempt
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject
from headway.domain.metrics import Bucket, MetricPoint
from headway.domain.runs import Run
from headway.domain.sessions import Session
from headway.domain.states import ACTIVE, State
from headway.ports import LogCursor, Reply, RunFilter, RunRows, SlotUse, StoreFacts, Transaction
from headway.store import overlap
from headway.store.matching import matches, place_of
from headway.store.memory_hooks import HookTables, MemoryHooks
from headway.store.memory_signed_in import MemorySessions
from headway.store.series import Block, append

T = TypeVar("T")


@dataclass
class _Blocks:
    """The blocks of one series."""

    points: int = 0
    kept: dict[tuple[int, int], Block] = field(default_factory=dict)

    def find(self, level: int, number: int) -> Block | None:
        return self.kept.get((level, number))

    def put(self, level: int, number: int, block: Block) -> None:
        self.kept[level, number] = block

    def overlapping(self, level: int, first_step: int, last_step: int) -> list[tuple[int, Block]]:
        return [
            (number, block)
            for (at, number), block in sorted(self.kept.items())
            if at == level and block.last_step >= first_step and block.first_step <= last_step
        ]

    def count_overlapping(self, level: int, first_step: int, last_step: int) -> int:
        return len(self.overlapping(level, first_step, last_step))

    @property
    def first_step(self) -> int:
        return min(block.first_step for block in self.kept.values())


@dataclass
class _Tables:
    """All that is stored. Everything in it is frozen, but for the containers."""

    runs: dict[str, Run] = field(default_factory=dict)
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    queue: dict[str, tuple[int, datetime, str]] = field(default_factory=dict)  # sort key
    slots: dict[tuple[str, int], str | None] = field(default_factory=dict)
    slot_counts: dict[str, int] = field(default_factory=dict)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    log_cursors: dict[tuple[str, int], LogCursor] = field(default_factory=dict)
    series: dict[tuple[str, str, int], _Blocks] = field(default_factory=dict)
    artifacts: dict[tuple[str, str], Artifact] = field(default_factory=dict)
    checkpoints: dict[tuple[str, str], Checkpoint] = field(default_factory=dict)
    hooks: HookTables = field(default_factory=HookTables)
    sessions: dict[str, Session] = field(default_factory=dict)

    def branch(self) -> _Tables:
        """A copy to work on; frozen content is shared."""
        copies = {name: copy.copy(value) for name, value in vars(self).items()}
        series = {key: replace(found, kept=dict(found.kept)) for key, found in self.series.items()}
        return _Tables(**{**copies, "series": series, "hooks": self.hooks.branch()})


class MemoryStore:
    """Keeps everything in dictionaries; writers take turns."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._turn = threading.RLock()

    def write(self, work: Callable[[Transaction], T]) -> T:
        with self._turn:
            branch = self._tables.branch()
            value = work(_MemoryTransaction(branch))
            self._tables = branch
            return value

    def write_later(self, work: Callable[[Transaction], T]) -> Future[T]:
        outcome: Future[T] = Future()
        try:
            outcome.set_result(self.write(work))
        except Exception as error:  # noqa: BLE001  (it belongs to whoever asks the future)
            outcome.set_exception(error)
        return outcome

    def read(self, work: Callable[[Transaction], T]) -> T:
        return work(_ReadOnly(self._tables))

    def check(self) -> None:
        """It is always there."""

    def describe(self) -> StoreFacts:
        return StoreFacts("memory", "", None, None)

    def close(self) -> None:
        """Nothing is held."""


class _MemoryTransaction(MemoryHooks, MemorySessions):
    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._hooks = tables.hooks
        self._sessions = tables.sessions

    # runs
    def insert_run(self, run: Run) -> None:
        if run.id in self._tables.runs:
            raise ValueError(f"the run {run.id} exists already")
        self._tables.runs[run.id] = run

    def update_run(self, run: Run, *, expected_seq: int) -> None:
        stored = self.get_run(run.id)
        if stored.event_seq != expected_seq:
            raise StaleAttempt(f"{run.id} has moved on: event {stored.event_seq}, not {expected_seq}")
        self._tables.runs[run.id] = run

    def touch_run(self, run: Run) -> None:
        stored = self.get_run(run.id)
        if stored.attempt != run.attempt or stored.ended:
            raise StaleAttempt(f"attempt {run.attempt} of {run.id} is over")
        self._tables.runs[run.id] = stored.evolve(progress=run.progress, latest=run.latest, best=run.best)

    def find_run(self, run_id: str) -> Run | None:
        return self._tables.runs.get(run_id)

    def get_run(self, run_id: str) -> Run:
        run = self.find_run(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        return run

    def list_runs(self, which: RunFilter) -> RunRows:
        placed = sorted(
            ((place_of(run, which.sort), run) for run in self._matching(which)),
            key=itemgetter(0),
            reverse=which.sort.descending,
        )
        if which.after is not None:
            after = which.after
            placed = [
                (at, run) for at, run in placed if (at < after if which.sort.descending else at > after)
            ]
        page = placed[: which.limit]
        return RunRows([run for _, run in page], page[-1][0] if len(page) == which.limit and page else None)

    def count_runs(self, which: RunFilter) -> int:
        return len(self._matching(which))

    def index_labels(self, run: Run) -> None:
        """Lists look at the runs themselves."""

    def index_numbers(self, run: Run) -> None:
        """Lists look at the runs themselves."""

    def active_runs(self) -> list[Run]:
        active = (run for run in self._tables.runs.values() if run.state in ACTIVE)
        return sorted(active, key=_newest_first)

    def newest_done(self, engine: str, series: str) -> Run | None:
        done = [
            run
            for run in self._tables.runs.values()
            if (run.spec.engine, run.series, run.state) == (engine, series, State.DONE)
        ]
        return max(done, key=lambda run: (run.finished_at, run.id), default=None)

    def creation_times(self, owner: str, since: datetime, limit: int) -> list[datetime]:
        times = [
            run.created_at
            for run in self._tables.runs.values()
            if run.owner == owner and run.created_at >= since
        ]
        return sorted(times, reverse=True)[:limit]

    def _matching(self, which: RunFilter) -> list[Run]:
        return [run for run in self._tables.runs.values() if matches(run, which)]

    # idempotency
    def find_reply(self, owner: str, key: str) -> Reply | None:
        return self._tables.replies.get((owner, key))

    def insert_reply(self, owner: str, key: str, reply: Reply) -> None:
        if (owner, key) in self._tables.replies:
            raise ValueError(f"the key {key!r} is taken")
        self._tables.replies[owner, key] = reply

    # queue and slots
    def enqueue(self, run: Run) -> None:
        self._tables.queue[run.id] = (-run.spec.priority, run.created_at, run.id)

    def dequeue(self, run_id: str) -> None:
        self._tables.queue.pop(run_id, None)

    def queue_position(self, run_id: str) -> int | None:
        key = self._tables.queue.get(run_id)
        return None if key is None else sum(other < key for other in self._tables.queue.values())

    def queued(self, limit: int) -> list[str]:
        return [run_id for _, _, run_id in sorted(self._tables.queue.values())[:limit]]

    def queue_length(self) -> int:
        return len(self._tables.queue)

    def set_slots(self, kind: str, count: int) -> None:
        slots = self._tables.slots
        self._tables.slot_counts[kind] = count
        kept = {key: holder for key, holder in slots.items() if key[0] != kind or key[1] < count or holder}
        self._tables.slots = {**{(kind, index): None for index in range(count)}, **kept}

    def slots(self) -> list[SlotUse]:
        return [SlotUse(kind, index, holder) for (kind, index), holder in sorted(self._tables.slots.items())]

    def claim_slots(self, run_id: str, kind: str, count: int) -> tuple[int, ...] | None:
        limit = self._tables.slot_counts.get(kind, 0)
        free = [slot.index for slot in self.slots() if slot.kind == kind and slot.run_id is None]
        free = [index for index in free if index < limit][:count]
        if len(free) < count:
            return None
        self._tables.slots |= {(kind, index): run_id for index in free}
        return tuple(free)

    def free_slots(self, run_id: str) -> None:
        counts = self._tables.slot_counts
        self._tables.slots = {
            (kind, index): None if holder == run_id else holder
            for (kind, index), holder in self._tables.slots.items()
            if holder != run_id or index < counts.get(kind, 0)
        }

    def set_lease(self, run_id: str, token: str, until: datetime) -> None:
        self._tables.leases[run_id] = (token, until)

    def extend_lease(self, run_id: str, token: str, until: datetime) -> bool:
        lease = self.find_lease(run_id)
        if lease is None or lease[0] != token:
            return False
        self.set_lease(run_id, token, until)
        return True

    def find_lease(self, run_id: str) -> tuple[str, datetime] | None:
        return self._tables.leases.get(run_id)

    def drop_lease(self, run_id: str) -> None:
        self._tables.leases.pop(run_id, None)

    # events
    def append_event(
        self, run_id: str, seq: int, attempt: int, at: datetime, kind: EventKind, data: JsonObject
    ) -> Event:
        if any((event.run_id, event.seq) == (run_id, seq) for event in self._tables.events):
            raise ValueError(f"event {seq} of {run_id} exists already")
        event = Event(run_id, seq, self.last_position() + 1, attempt, at, kind, data)
        self._tables.events.append(event)
        return event

    def events_of(self, run_id: str, after_seq: int, limit: int) -> list[Event]:
        found = [event for event in self._tables.events if event.run_id == run_id and event.seq > after_seq]
        return sorted(found, key=lambda event: event.seq)[:limit]

    def events_after(self, position: int, limit: int) -> list[Event]:
        return self._tables.events[position : position + limit]

    def last_position(self) -> int:
        return len(self._tables.events)

    def find_cursor(self, subscriber: str) -> int | None:
        return self._tables.cursors.get(subscriber)

    def set_cursor(self, subscriber: str, position: int) -> None:
        self._tables.cursors[subscriber] = max(position, self.find_cursor(subscriber) or 0)

    # logs, metrics, files
    def log_cursor(self, run_id: str, attempt: int) -> LogCursor:
        return self._tables.log_cursors.get((run_id, attempt), LogCursor())

    def set_log_cursor(self, run_id: str, attempt: int, cursor: LogCursor) -> None:
        overlap.require_forward(self.log_cursor(run_id, attempt), cursor)
        self._tables.log_cursors[run_id, attempt] = cursor

    def append_points(self, run_id: str, attempt: int, points: Sequence[MetricPoint]) -> None:
        for name, pairs in overlap.by_name(points).items():
            blocks = self._tables.series.setdefault((run_id, name, attempt), _Blocks())
            append(blocks, blocks.points, pairs)
            blocks.points += len(pairs)

    def series_names(self, run_id: str) -> list[str]:
        return sorted({name for owner, name, _ in self._tables.series if owner == run_id})

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
        parts = [
            overlap.Part(number, found.first_step, found.points, found)
            for (owner, named, number), found in sorted(self._tables.series.items())
            if (owner, named) == (run_id, name) and attempt in (None, number)
        ]
        return overlap.read_parts(parts, overlap.window(first_step, last_step), max_buckets)

    def count_points(self, run_id: str) -> int:
        return sum(found.points for (owner, _, _), found in self._tables.series.items() if owner == run_id)

    def measure_series(self, run_id: str) -> int:
        kept = (
            found.kept.values() for (owner, _, _), found in self._tables.series.items() if owner == run_id
        )
        return sum(len(block.payload) for blocks in kept for block in blocks)

    def remove_series(self, run_id: str) -> None:
        self._tables.series = {key: kept for key, kept in self._tables.series.items() if key[0] != run_id}

    def add_artifact(self, run_id: str, artifact: Artifact) -> None:
        self._tables.artifacts[run_id, artifact.path] = artifact

    def add_checkpoint(self, run_id: str, checkpoint: Checkpoint) -> None:
        self._tables.checkpoints[run_id, checkpoint.path] = checkpoint

    def remove_checkpoint(self, run_id: str, path: str) -> None:
        self._tables.checkpoints.pop((run_id, path), None)

    def artifacts(self, run_id: str) -> list[Artifact]:
        return [found for (owner, _), found in sorted(self._tables.artifacts.items()) if owner == run_id]

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        found = [kept for (owner, _), kept in self._tables.checkpoints.items() if owner == run_id]
        return sorted(found, key=lambda checkpoint: checkpoint.step, reverse=True)


def _refuse(*_: object, **__: object) -> Any:
    raise PermissionError("a read must not write")


class _ReadOnly(_MemoryTransaction):
    """A write that vanishes with its branch would be a lie: it is an error instead."""

    insert_run = update_run = touch_run = index_labels = index_numbers = insert_reply = enqueue = dequeue = (
        set_slots
    ) = _refuse
    claim_slots = free_slots = set_lease = extend_lease = drop_lease = append_event = set_cursor = _refuse
    set_log_cursor = append_points = add_artifact = add_checkpoint = _refuse
    remove_series = remove_checkpoint = _refuse
    insert_webhook = update_webhook = delete_webhook = hold_webhook = release_webhook = _refuse
    release_webhooks = insert_deliveries = update_delivery = postpone_deliveries = _refuse
    bury_deliveries = revive_deliveries = forget_deliveries = _refuse
    insert_session = touch_session = drop_session = drop_sessions = _refuse


def _newest_first(run: Run) -> tuple[datetime, str]:
    return run.created_at, run.id
