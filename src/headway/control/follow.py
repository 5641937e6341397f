"""Follow events from a cursor: those of one run, or of all runs as the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headway.control.context import Context
from headway.domain.events import Event
from headway.domain.runs import Run
from headway.ports import Transaction

BATCH = 500


@dataclass(frozen=True)
class Batch:
    """Events after a cursor, in order, and the cursor to go on from."""

    events: list[Event]
    cursor: int


def read_batch(tx: Transaction, after: int, run_id: str | None = None) -> Batch:
    """At most a batch of the events after a cursor: a position among all events, or a seq among those of one run."""
    if run_id is not None:
        events = tx.events_of(run_id, after, BATCH)
        return Batch(events, events[-1].seq if events else after)
    events = tx.events_after(after, BATCH)
    return Batch(events, events[-1].position if events else after)


def read_unread(tx: Transaction, subscriber: str, *, not_before: int = 0) -> Batch:
    """At most a batch of what a subscriber of all events has not read; `not_before` is a position to begin after."""
    return read_batch(tx, max(tx.find_cursor(subscriber) or 0, not_before))


@dataclass(frozen=True)
class News:
    """What is new about a run: kept events in order, and how the run stands now."""

    events: list[Event]
    run: Run

    @property
    def final(self) -> bool:
        """Whether the last word has been said: the run has ended and all its events are told."""
        last_seq = self.events[-1].seq if self.events else None
        return self.run.ended and last_seq in (None, self.run.event_seq)


def read_news(context: Context, run_id: str, after_seq: int) -> News:
    """Events of a run after a cursor, at most a batch, with the run in the same snapshot. NotFound."""
    return context.store.read(lambda tx: News(read_batch(tx, after_seq, run_id).events, tx.get_run(run_id)))


@dataclass
class OutboxReader:
    """Hands every event to one subscriber, at least once and in order; the cursor survives restarts.

    `handle` is called before the cursor moves: killed in between, the same events come again, with the same
    positions. A subscriber that must not act twice keeps the position of what it has done.
    """

    context: Context
    subscriber: str
    handle: Callable[[list[Event]], None]

    def start_from_now(self) -> None:
        """Skip what happened before this subscriber was first known."""
        self.context.store.write(lambda tx: tx.set_cursor(self.subscriber, tx.last_position()))

    def step(self) -> int:
        """Hand over one batch; returns how many events it held."""
        batch = self.context.store.read(lambda tx: read_unread(tx, self.subscriber))
        if batch.events:
            self.handle(batch.events)
            self.context.store.write(lambda tx: tx.set_cursor(self.subscriber, batch.cursor))
        return len(batch.events)
