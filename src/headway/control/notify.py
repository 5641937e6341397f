"""Tell people of events in plain words. A message is sent once and may be lost: webhooks are for what must not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from headway.control.context import Context
from headway.control.follow import Batch, read_unread
from headway.domain.events import Event, EventKind
from headway.domain.reasons import Reason, rule_of
from headway.domain.runs import Run
from headway.ports import Transaction
from headway.ports.webhooks import Notifier

_log = structlog.get_logger("headway.notify")

SUBSCRIBER = "notify"
_STALE = timedelta(hours=1)  # what is older is no news when the server was off
_PAUSE_S = 1.0
_MINUTE_S = 60
_HOUR_S = 3600


@dataclass(frozen=True)
class Message:
    title: str
    text: str


def describe(event: Event, run: Run, public_url: str = "") -> Message:
    """An event in plain words: label, what happened, why, how long, and where to look."""
    name = run.spec.label or run.id
    title, reason = f"{name}: {_headline(event)}", _reason_text(event)
    seconds = event.data.get("runtime_s")
    lines = [
        reason,
        f"It said: {event.data['error']}" if event.data.get("error") else "",
        f"It ran for {_duration(float(seconds))}." if isinstance(seconds, int | float) else "",
        f"Engine {run.spec.engine}, run {run.id}",
        f"{public_url}/api/training/jobs/{run.id}/status" if public_url else "",
    ]
    return Message(title, "\n".join(line for line in lines if line))


@dataclass
class Announcer:
    """Hands messages to a notifier; several servers of one store share a cursor, and so each is sent by one."""

    context: Context
    notifier: Notifier
    kinds: frozenset[EventKind]
    public_url: str = ""

    def begin(self) -> None:
        """A first start tells nothing of the past."""
        self.context.store.write(_skip_past)

    def step(self) -> float:
        """Tell what is new; seconds until the next look. The cursor moves first: a message is sent once, or lost."""
        while self.context.store.read(lambda tx: read_unread(tx, SUBSCRIBER)).events:
            for message in self.context.store.write(self._take):
                if not self.notifier.notify(message.title, message.text):
                    _log.warning("not everybody was told", title=message.title)
        return _PAUSE_S

    def _take(self, tx: Transaction) -> list[Message]:
        batch: Batch = read_unread(tx, SUBSCRIBER)
        tx.set_cursor(SUBSCRIBER, batch.cursor)
        told = select(batch.events, self.kinds, self.context.clock.now())
        found = [(event, tx.find_run(event.run_id)) for event in told]
        return [describe(event, run, self.public_url) for event, run in found if run is not None]


def select(events: Sequence[Event], kinds: frozenset[EventKind], now: datetime) -> list[Event]:
    """Those that people are told of: of the kinds they chose, and news."""
    return [event for event in events if event.kind in kinds and event.at > now - _STALE]


def _skip_past(tx: Transaction) -> None:
    if tx.find_cursor(SUBSCRIBER) is None:
        tx.set_cursor(SUBSCRIBER, tx.last_position())


def _headline(event: Event) -> str:
    if event.kind is EventKind.RUN_ENDED:
        return str(event.data.get("state"))
    return event.kind.value.replace("_", " ")


def _reason_text(event: Event) -> str:
    reason = event.data.get("reason")
    return rule_of(Reason(reason)).text if isinstance(reason, str) else ""


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s" if whole >= _MINUTE_S else f"{whole} s"
