"""The sockets of the service half: what control needs of stores, executors, clocks and buses.

Every adapter of a port keeps the promises in its docstrings; the contract suites in `tests/contract` hold them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.events import Event, EventKind
from headway.domain.json import JsonObject
from headway.domain.metrics import Bucket, MetricPoint
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports.bus import EventBus, Subscription
from headway.ports.executors import DataCatalog, EngineCatalog, Executor, Predictor, Sighting
from headway.ports.sessions import SessionTransaction
from headway.ports.webhooks import HookTransaction

__all__ = [
    "Claim",
    "Clock",
    "DataCatalog",
    "EngineCatalog",
    "EventBus",
    "Executor",
    "LogCursor",
    "Place",
    "Predictor",
    "Reply",
    "RunFilter",
    "RunRows",
    "RunSort",
    "Sighting",
    "SlotUse",
    "SortBy",
    "Store",
    "Subscription",
    "Transaction",
]

T = TypeVar("T")
Place: TypeAlias = tuple[str | float, ...]  # where a row stands in its order; ends with its id


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """Aware UTC. It may jump, so it dates what happens and measures nothing."""

    def monotonic(self) -> float:
        """Seconds from any moment on; they only grow, at the pace of time."""


@dataclass(frozen=True)
class Reply:
    """A stored answer to a request that carried an idempotency key."""

    run_id: str
    body_sha256: str
    response: JsonObject
    created_at: datetime


class SortBy(StrEnum):
    """What a list of runs is sorted by."""

    CREATED = "created"
    STARTED = "started"  # runs that have not are before all others
    FINISHED = "finished"  # the same
    NAME = "name"
    STATE = "state"
    PROGRESS = "progress"
    METRIC = "metric"


@dataclass(frozen=True)
class RunSort:
    """The order of a list; ties go by id. Sorted by a metric, runs without that number are left out."""

    by: SortBy = SortBy.CREATED
    metric: str = ""
    descending: bool = True


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list, and in which order; None means any."""

    engines: frozenset[str] | None = None
    origin: str | None = None
    states: frozenset[State] | None = None
    symbol: str | None = None
    tag: str | None = None
    text: str = ""  # each word begins the id, or a word of the name, the tags or the notes
    created_from: datetime | None = None
    created_before: datetime | None = None
    sort: RunSort = RunSort()
    after: Place | None = None  # `RunRows.last` of the page before
    limit: int = 50


@dataclass(frozen=True)
class RunRows:
    """A page of runs. `last` is the place of the last one when there may be more."""

    runs: list[Run]
    last: Place | None


@dataclass(frozen=True)
class LogCursor:
    """How far the log of an attempt has been read into the store."""

    offset_bytes: int = 0
    seq: int = 0


@dataclass(frozen=True)
class Claim:
    """A run taken from the queue, the slots it holds and the lease that fences it."""

    run: Run
    token: str
    cpus: tuple[int, ...]
    gpus: tuple[int, ...]


@dataclass(frozen=True)
class SlotUse:
    """One slot of a resource and who holds it."""

    kind: str  # cpu, gpu
    index: int
    run_id: str | None


class Transaction(HookTransaction, SessionTransaction, Protocol):
    """One unit of work on the store. Reads see its own writes. Raising inside undoes all of it.

    Runs are written with `insert_run` and `update_run` only. `update_run` compares the stored `event_seq` with
    `expected_seq` and raises StaleAttempt when another transaction has moved the run since it was read.
    """

    # runs
    def insert_run(self, run: Run) -> None:
        """A new run. ValueError when the id is taken."""

    def update_run(self, run: Run, *, expected_seq: int) -> None:
        """Replace the stored run, guarded by its event count. NotFound, StaleAttempt."""

    def touch_run(self, run: Run) -> None:
        """Replace what is not guarded: progress, latest and best of a run whose attempt is still current.
        StaleAttempt when the stored attempt differs or the run has ended."""

    def find_run(self, run_id: str) -> Run | None: ...

    def get_run(self, run_id: str) -> Run:
        """NotFound when there is none."""

    def list_runs(self, which: RunFilter) -> RunRows:
        """A page in the order of `which.sort`, at most `which.limit`.

        The progress of a run is that of its newest kept event; its numbers are those last given to `index_numbers`."""

    def count_runs(self, which: RunFilter) -> int:
        """How many match; the place and the limit are not looked at."""

    def index_labels(self, run: Run) -> None:
        """Have lists find a run by its name, tags and notes as they are now; a new run is found without."""

    def index_numbers(self, run: Run) -> None:
        """Have lists sort a run by the numbers that it has now."""

    def active_runs(self) -> list[Run]:
        """Runs in preflight, training or evaluating, oldest first."""

    def newest_done(self, engine: str, series: str) -> Run | None:
        """The newest done run of a series (`Run.series`): the one with the latest finished_at."""

    def creation_times(self, owner: str, since: datetime, limit: int) -> list[datetime]:
        """When the newest `limit` runs of an owner were created, newest first, not before `since`."""

    # idempotency
    def find_reply(self, owner: str, key: str) -> Reply | None: ...

    def insert_reply(self, owner: str, key: str, reply: Reply) -> None:
        """ValueError when the key is taken."""

    # queue and slots
    def enqueue(self, run: Run) -> None:
        """Put a queued run into the queue: highest priority first, then oldest. Idempotent."""

    def dequeue(self, run_id: str) -> None:
        """Take a run out of the queue. Quiet when it is not in it."""

    def queue_position(self, run_id: str) -> int | None:
        """0 for the next to be claimed; None when the run is not queued."""

    def queued(self, limit: int) -> list[str]:
        """Ids in the order in which they will be claimed."""

    def queue_length(self) -> int: ...

    def set_slots(self, kind: str, count: int) -> None:
        """How many slots of a kind there are. Slots in use beyond the count vanish once they are freed."""

    def slots(self) -> list[SlotUse]:
        """All slots, by kind and index."""

    def claim_slots(self, run_id: str, kind: str, count: int) -> tuple[int, ...] | None:
        """Take that many free slots for a run, lowest index first; None (and nothing taken) when too few are free."""

    def free_slots(self, run_id: str) -> None:
        """Give back all slots of a run. Quiet when it holds none."""

    def set_lease(self, run_id: str, token: str, until: datetime) -> None:
        """The holder of the token may act on the run until then. Replaces any lease."""

    def extend_lease(self, run_id: str, token: str, until: datetime) -> bool:
        """Longer, if the token still holds the lease; else False."""

    def find_lease(self, run_id: str) -> tuple[str, datetime] | None: ...

    def drop_lease(self, run_id: str) -> None: ...

    # events: the log of facts, which is also the outbox
    def append_event(
        self, run_id: str, seq: int, attempt: int, at: datetime, kind: EventKind, data: JsonObject
    ) -> Event:
        """Keep a fact. `(run_id, seq)` is unique (ValueError); positions rise by one, without gaps, in commit order."""

    def events_of(self, run_id: str, after_seq: int, limit: int) -> list[Event]:
        """Events of a run with a higher seq, in order."""

    def events_after(self, position: int, limit: int) -> list[Event]:
        """Events of all runs after a position, in order: the outbox."""

    def last_position(self) -> int:
        """Position of the newest event; 0 when there is none."""

    def find_cursor(self, subscriber: str) -> int | None:
        """How far a subscriber has read the outbox."""

    def set_cursor(self, subscriber: str, position: int) -> None:
        """Never moves back: a lower position than the stored one is ignored."""

    # logs, metrics, files
    def log_cursor(self, run_id: str, attempt: int) -> LogCursor: ...

    def set_log_cursor(self, run_id: str, attempt: int, cursor: LogCursor) -> None:
        """StaleAttempt when the offset or the seq would move back."""

    def append_points(self, run_id: str, attempt: int, points: Sequence[MetricPoint]) -> None:
        """Add points to their series, in the order given."""

    def series_names(self, run_id: str) -> list[str]:
        """Names of the series of a run, sorted."""

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
        """The series for a chart: at most `max_buckets` buckets in order of step, extremes kept; a bucket of one
        point where there are few enough. `attempt` None means every attempt, the newest point of a step winning
        where attempts overlap (a resumed attempt goes on from a checkpoint: later points of the earlier attempt
        at or after its first step are left out)."""

    def count_points(self, run_id: str) -> int: ...

    def measure_series(self, run_id: str) -> int:
        """Bytes that the packed series of a run take."""

    def remove_series(self, run_id: str) -> None:
        """Remove all series of a run. Quiet when there are none."""

    def add_artifact(self, run_id: str, artifact: Artifact) -> None:
        """Idempotent by path: the newest wins."""

    def add_checkpoint(self, run_id: str, checkpoint: Checkpoint) -> None:
        """Idempotent by path: the newest wins."""

    def remove_checkpoint(self, run_id: str, path: str) -> None:
        """Forget a checkpoint. Quiet when it is not known."""

    def artifacts(self, run_id: str) -> list[Artifact]: ...

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """By step, newest first."""


@dataclass(frozen=True)
class StoreFacts:
    """What keeps the runs, for people. `schema` and `size_bytes` are None where there is no such thing."""

    technology: str
    version: str
    schema: str | None
    size_bytes: int | None


class Store(Protocol):
    """The index of all runs."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction and return what it returns once it is durable (it survives a power loss).

        Concurrent writes may share one commit; each stands or falls alone. `work` must be quick, must not wait for
        anything outside the store, and may be called again after a conflict. What it raises comes out here.
        ValueError for a value that the store cannot keep; StoreUnavailable when it cannot be said that the work is
        durable: then it may be, or not.
        """

    def write_later(self, work: Callable[[Transaction], T]) -> Future[T]:
        """As `write`, without waiting for it: the future has what `write` returns or raises. It cannot be cancelled.

        For callers that must not block, as an event loop; each future belongs to one caller. StoreUnavailable at once
        when the store is closed.
        """

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot; writing in it is an error."""

    def check(self) -> None:
        """StoreUnavailable unless the store answers."""

    def describe(self) -> StoreFacts:
        """What it is and how large it has become. StoreUnavailable when it does not answer."""

    def close(self) -> None:
        """Finish what was accepted, then release everything. Idempotent."""
