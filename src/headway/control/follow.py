"""Follow events from a cursor: those of one run, or of all runs as the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headway.control.context import Context
from headway.domain.events import Event
from headway.domain.runs import Run

BATCH = 500


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
    return context.store.read(lambda tx: News(tx.events_of(run_id, after_seq, BATCH), tx.get_run(run_id)))


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
        events = self.context.store.read(
            lambda tx: tx.events_after(tx.find_cursor(self.subscriber) or 0, BATCH)
        )
        if events:
            self.handle(events)
            position = events[-1].position
            self.context.store.write(lambda tx: tx.set_cursor(self.subscriber, position))
        return len(events)
