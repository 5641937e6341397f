"""Events of a job in one line each."""

from __future__ import annotations

import json

from headway.cli.render import duration_text, fraction_text, text_of, time_text
from headway.client.answers import END, PROGRESS, News
from headway.domain.events import EventKind

# What a watcher is told besides the progress: what changes the course of the job.
_NOTABLE: dict[str, str] = {
    EventKind.ATTEMPT_ENDED: "attempt {attempt} ended ({reason}); the job is tried again",
    EventKind.CANCEL_REQUESTED: "cancel requested",
    EventKind.RUN_RESUMED: "resumed",
    EventKind.CONTACT_LOST: "contact to the training lost since {since}",
    EventKind.CONTACT_REGAINED: "contact to the training regained",
    EventKind.DATA_REMOVED: "data were removed by retention",
    EventKind.NOTE_LOGGED: "{level}: {text}",
    "checkpoint": "checkpoint of step {step}: {filename}",
}


def event_line(news: News) -> str:
    """Any event: number, time, attempt, kind, data."""
    place = "-" if news.seq is None else str(news.seq)
    data = " ".join(f"{name}={_value_text(value)}" for name, value in news.data.items())
    attempt = f"attempt {news.attempt}" if news.attempt else ""
    moment = time_text(news.at) if news.at else ""
    return f"{place:>5}  {moment:<23}  {attempt:<10}  {news.kind:<18}  {data}".rstrip()


def notable_line(news: News) -> str | None:
    """What to tell a watcher of an event; None for those that the progress shows already."""
    pattern = _NOTABLE.get(news.kind)
    if pattern is None:
        return None
    known = {
        name: text_of(news.data.get(name))
        for name in ("reason", "since", "level", "text", "step", "filename")
    }
    return f"{time_text(news.at)}  {pattern.format(attempt=text_of(news.attempt), **known)}"


def is_kept(news: News) -> bool:
    return news.kind not in {PROGRESS, END}


def _value_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def progress_line(state: str, phase: str, fraction: float | None, eta_s: float | None) -> str:
    """`[training] 42 % PPO epoch 4/20, 3 min 20 s left`."""
    left = "" if eta_s is None else f", {duration_text(eta_s)} left"
    return f"[{state}] {fraction_text(fraction, 0)} {phase}{left}".rstrip()
