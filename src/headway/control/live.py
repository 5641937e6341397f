"""All that is told of a run while it lives, from any cursor on: events, rows, progress, console.

The store says what holds: rows are told once it holds them, and the end of an attempt after all that the attempt
said. Each source is told in its order, without gap or repeat, whoever reads and however often.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from headway.control.context import Context
from headway.control.cursor import Cursor
from headway.control.numbers import read_newest
from headway.control.tails import ConsoleTail, ConsoleText, LogTail, Pace, Row, find_tail
from headway.domain.clock import format_utc
from headway.domain.events import Event, EventKind, state_after
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import Transaction

BATCH = 500
_ENDINGS = frozenset({EventKind.ATTEMPT_ENDED, EventKind.RUN_ENDED})

What: TypeAlias = Event | Row | Pace | ConsoleText
_Step: TypeAlias = tuple[What, dict[str, int]]  # what is told, and what of the cursor it moves


@dataclass(frozen=True)
class Told:
    """One thing, the cursor behind it, and the state that the run was in then."""

    what: What
    cursor: Cursor
    state: State


@dataclass(frozen=True)
class Batch:
    """What is new, and how the run stands. `more`: there is more to read at once. `final`: nothing will follow."""

    told: list[Told]
    run: Run
    more: bool
    final: bool


@dataclass(frozen=True)
class _Seen:
    """The store at one moment. `stored_bytes`: how much of the log of the cursor's attempt it holds."""

    run: Run
    events: list[Event]
    stored_bytes: int

    def is_over(self, attempt: int) -> bool:
        """Whether the attempt is proven dead, so that its files grow no more."""
        return self.run.ended or self.run.state is State.QUEUED or self.run.attempt > attempt


def begin_now(context: Context, run_id: str, *, console_lines: int = 0) -> tuple[Run, Cursor]:
    """The run, and the cursor from which all is told that comes from now on, and the console's last lines. NotFound."""

    run, stored_bytes = context.store.read(partial(_look_at, run_id))
    console = context.run_dir(run_id).attempt(run.attempt).console
    place = find_tail(console, console_lines)
    return run, Cursor(run.event_seq, run.event_seq, run.attempt, stored_bytes, 0, place)


def _look_at(run_id: str, tx: Transaction) -> tuple[Run, int]:
    run = tx.get_run(run_id)
    return run, tx.log_cursor(run_id, run.attempt).offset_bytes


class LiveReader:
    """Reads on from a cursor, batch by batch. With `until`, exactly as far as another reader has come."""

    def __init__(self, context: Context, run_id: str, cursor: Cursor) -> None:
        self.cursor = cursor
        self._context = context
        self._run_id = run_id
        self._seen: _Seen | None = None
        self._state = context.store.read(lambda tx: _state_at(tx, run_id, cursor.event_seq))
        self._open_files()

    def read(self, until: Cursor | None = None, *, fresh: bool = True) -> Batch:
        """What is new. Not `fresh`: only what the console has, going by what was last seen in the store."""
        if self.cursor.checkpoint_seq < self.cursor.event_seq:
            return self._read_checkpoints()
        if fresh or self._seen is None:
            self._seen = self._look()
        else:
            self._seen = replace(self._seen, events=[])
        return self._read_new(self._seen, until)

    def _read_checkpoints(self) -> Batch:
        """Those of before a watcher began."""
        cursor = self.cursor
        run, events = self._context.store.read(
            lambda tx: (tx.get_run(self._run_id), tx.events_of(self._run_id, cursor.checkpoint_seq, BATCH))
        )
        before = [event for event in events if event.seq <= cursor.event_seq]
        kept = [event for event in before if event.kind is EventKind.CHECKPOINT_SAVED]
        told = list(self._fold((event, {"checkpoint_seq": event.seq}) for event in kept))
        last_seq = before[-1].seq if len(before) == BATCH else cursor.event_seq
        self.cursor = replace(self.cursor, checkpoint_seq=last_seq)
        return Batch(told, run, more=True, final=False)

    def _look(self) -> _Seen:
        cursor = self.cursor
        return self._context.store.read(
            lambda tx: _Seen(
                tx.get_run(self._run_id),
                tx.events_of(self._run_id, cursor.event_seq, BATCH),
                tx.log_cursor(self._run_id, cursor.attempt).offset_bytes,
            )
        )

    def _read_new(self, seen: _Seen, until: Cursor | None) -> Batch:
        attempt = self.cursor.attempt
        rows, texts, files_told = self._read_files(seen, until)
        events = [event for event in seen.events if until is None or event.seq <= until.event_seq]
        early, late = _split(events, attempt)
        told = list(self._fold(_merge(rows, early)))
        told += self._fold(texts)
        # Lines that tell nothing by themselves (a phase is told as its event) are behind the reader all the same.
        self.cursor = replace(self.cursor, log_offset=self._log.offset, row=self._log.row)
        if files_told:
            told += self._tell_late(late, attempt)
        grew = bool(rows or texts) and not files_told
        more = grew or len(seen.events) == BATCH or self.cursor.attempt != attempt
        told_all = files_told and self.cursor.event_seq == seen.run.event_seq
        return Batch(told, seen.run, more, final=seen.run.ended and told_all and not more)

    def _read_files(self, seen: _Seen, until: Cursor | None) -> tuple[list[_Step], list[_Step], bool]:
        """What the attempt said to its log and its console, and whether that is all so far."""
        bounded = until is not None and until.attempt == self.cursor.attempt
        log_end = min(seen.stored_bytes, until.log_offset) if until and bounded else seen.stored_bytes
        console_end = until.console_offset if until and bounded else None
        over = bounded or seen.is_over(self.cursor.attempt)
        rows: list[_Step] = [
            (what, {"log_offset": offset, "row": row}) for what, offset, row in self._log.read(log_end)
        ]
        texts: list[_Step] = [
            (text, {"console_offset": offset}) for text, offset in self._console.read(console_end, over=over)
        ]
        return rows, texts, self._log.offset >= log_end and self._console.is_at(console_end)

    def _tell_late(self, events: list[Event], attempt: int) -> Iterator[Told]:
        """Events from the end of an attempt on. Those of the next begin its files, whose end is told another time."""
        for event in events:
            if self.cursor.attempt > attempt and _is_late(event, self.cursor.attempt):
                return
            if event.attempt > self.cursor.attempt:
                place = Cursor(self.cursor.event_seq, self.cursor.checkpoint_seq, event.attempt)
                self.cursor = place
                self._open_files()
            yield from self._fold(_event_steps([event]))

    def _fold(self, steps: Iterable[_Step]) -> Iterator[Told]:
        for what, moved in steps:
            self.cursor = replace(self.cursor, **moved)
            if isinstance(what, Event):
                self._state = state_after(what.kind, what.data) or self._state
            yield Told(what, self.cursor, self._state)

    def _open_files(self) -> None:
        cursor = self.cursor
        folder = self._context.run_dir(self._run_id).attempt(cursor.attempt)
        self._log = LogTail(
            folder.events, cursor.attempt, cursor.log_offset, cursor.row, earlier=self._find_known
        )
        self._console = ConsoleTail(folder.console, cursor.attempt, cursor.console_offset)

    def _find_known(self, step: int) -> dict[str, float]:
        attempt = self.cursor.attempt
        return self._context.store.read(lambda tx: read_newest(tx, self._run_id, attempt, step))


def _state_at(tx: Transaction, run_id: str, seq: int) -> State:
    """The state that a run was in behind an event of it; queued before the first."""
    run = tx.get_run(run_id)
    if seq >= run.event_seq:
        return run.state
    state, after = State.QUEUED, 0
    while after < seq and (batch := tx.events_of(run_id, after, min(BATCH, seq - after))):
        for event in batch:
            state = state_after(event.kind, event.data) or state
        after = batch[-1].seq
    return state


def _split(events: list[Event], attempt: int) -> tuple[list[Event], list[Event]]:
    """Events that are told among the rows of an attempt, and those from its end on."""
    first_late = next((at for at, event in enumerate(events) if _is_late(event, attempt)), len(events))
    return events[:first_late], events[first_late:]


def _is_late(event: Event, attempt: int) -> bool:
    return event.kind in _ENDINGS or event.attempt > attempt


def _merge(rows: list[_Step], events: list[Event]) -> Iterator[_Step]:
    """By the time at which they were said, each kind in its own order."""
    return heapq.merge(_event_steps(events), rows, key=_at)


def _event_steps(events: list[Event]) -> list[_Step]:
    return [(event, {"event_seq": event.seq, "checkpoint_seq": event.seq}) for event in events]


def _at(step: _Step) -> str:
    what = step[0]
    if isinstance(what, Event):
        return format_utc(what.at)
    return "" if isinstance(what, ConsoleText) else what.at
