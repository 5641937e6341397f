"""Look at runs: single, listed, queued; their files and the evidence for what is claimed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headway.control.context import Context
from headway.domain.errors import InvalidInput, NotFound
from headway.domain.ids import require_run_id
from headway.domain.retention import Kept, explain_removed
from headway.domain.runs import Run
from headway.domain.states import ACTIVE
from headway.ports import Place, RunFilter, SlotUse

_MAX_LOG_BYTES = 1 << 20


class ContactState(StrEnum):
    LIVE = "live"
    LOST = "lost"


@dataclass(frozen=True)
class Contact:
    """How an active run is known to be alive."""

    state: ContactState
    heartbeat_at: datetime | None
    lost_since: datetime | None


@dataclass(frozen=True)
class RunView:
    """A run with what is known only at the moment of looking."""

    run: Run
    queue_position: int | None
    contact: Contact | None


@dataclass(frozen=True)
class RunPage:
    views: list[RunView]
    total: int
    last: Place | None  # where the next page goes on; None when there is none


@dataclass(frozen=True)
class QueueView:
    """What runs, what waits (in the order in which it will start), and the slots."""

    active: list[Run]
    waiting: list[Run]
    length: int
    slots: list[SlotUse]


@dataclass(frozen=True)
class LogPiece:
    """A stretch of the console log and the offset to go on from."""

    content: bytes
    next_offset: int


def require_findable(run_id: str) -> str:
    """The id itself; NotFound for a text that is no id, and so names no run."""
    try:
        return require_run_id(run_id)
    except InvalidInput as error:
        raise NotFound(f"there is no run {run_id[:80]!r}") from error


def get_view(context: Context, run_id: str) -> RunView:
    """A run; NotFound when there is none, also for a text that is no id."""
    require_findable(run_id)
    run, position = context.store.read(lambda tx: (tx.get_run(run_id), tx.queue_position(run_id)))
    return RunView(run, position, contact_of(context, run))


def require_kept(run: Run, kept: Kept) -> None:
    """To be asked where something is not there: NotFound, with when and by what, when retention has removed it."""
    told = explain_removed(run.removed, kept, run.id)
    if told is not None:
        raise NotFound(told)


def list_views(context: Context, which: RunFilter) -> RunPage:
    """A page of runs with the number of all that match."""
    rows, total, waiting = context.store.read(
        lambda tx: (tx.list_runs(which), tx.count_runs(which), tx.queued(1000))
    )
    places = {run_id: place for place, run_id in enumerate(waiting)}
    views = [RunView(run, places.get(run.id), contact_of(context, run)) for run in rows.runs]
    return RunPage(views, total, rows.last)


def view_queue(context: Context, limit: int = 100) -> QueueView:
    """The queue as it stands."""
    return context.store.read(
        lambda tx: QueueView(
            tx.active_runs(),
            [tx.get_run(run_id) for run_id in tx.queued(limit)],
            tx.queue_length(),
            tx.slots(),
        )
    )


def contact_of(context: Context, run: Run) -> Contact | None:
    """The evidence that an active run is alive; None for one that is not active or has not yet started."""
    if run.state not in ACTIVE:
        return None
    try:
        sighting = context.executor_of(run).observe(run.id, run.attempt)
    except (NotFound, InvalidInput):  # not yet started, or started by a server that had another executor
        return None
    lost = run.contact_lost_since is not None
    state = ContactState.LOST if lost else ContactState.LIVE
    return Contact(state, sighting.heartbeat_at, run.contact_lost_since)


def measure_unread(context: Context) -> tuple[int, int, int]:
    """(queued runs, active runs, bytes of their logs that the store does not hold yet)."""
    queued, active = context.store.read(
        lambda tx: (
            tx.queue_length(),
            [(run, tx.log_cursor(run.id, run.attempt).offset_bytes) for run in tx.active_runs()],
        )
    )
    return queued, len(active), sum(_unread_bytes(context, run, offset) for run, offset in active)


def _unread_bytes(context: Context, run: Run, offset_bytes: int) -> int:
    try:
        size = context.run_dir(run.id).attempt(run.attempt).events.stat().st_size
    except FileNotFoundError:
        return 0
    return max(size - offset_bytes, 0)


def read_console(
    context: Context,
    run_id: str,
    *,
    attempt: int | None = None,
    offset: int | None = None,
    tail_lines: int = 200,
) -> LogPiece:
    """The console log of an attempt (the newest by default): from `offset`, or its last lines.

    NotFound, with when and by what, for one that retention has removed.
    """
    run = get_view(context, run_id).run
    path = context.run_dir(run.id).attempt(attempt if attempt is not None else run.attempt).console
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            begin = max(size - _MAX_LOG_BYTES, 0) if offset is None else min(offset, size)
            file.seek(begin)
            content = file.read(_MAX_LOG_BYTES)
    except FileNotFoundError:
        require_kept(run, Kept.LOGS)
        return LogPiece(b"", 0)
    end_offset = begin + len(content)
    if offset is None:
        content = b"".join(content.splitlines(keepends=True)[-tail_lines:]) if tail_lines else b""
    return LogPiece(content, end_offset)
