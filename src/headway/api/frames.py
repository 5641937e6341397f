"""What is told of a run, as messages of its WebSocket: whole frames, encoded once for all who watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from headway.api.connections import frame_text
from headway.control.cursor import Cursor
from headway.control.live import Told
from headway.control.run_views import METRICS, STATUSES
from headway.control.tails import ConsoleText, Pace, Row
from headway.domain.clock import format_utc, utc_now
from headway.domain.events import Event, EventKind, state_after
from headway.domain.progress import Progress
from headway.domain.reasons import Reason, rule_of
from headway.domain.runs import Run
from headway.domain.states import State

_MEBI = float(1 << 20)
_MINUTE_S = 60.0


def encode_told(told: Told, run: Run) -> bytes | None:
    """The message; None for what another tells: whole percents of progress, which the log has finer, and the end."""
    cursor = told.cursor.encode()
    what = told.what
    if isinstance(what, Event):
        is_end = what.kind is EventKind.RUN_ENDED and run.ended and what.seq == run.event_seq
        return None if is_end else _of_event(what, cursor, told.state)
    if isinstance(what, Row):
        return _frame("metrics", what.at, _row_data(what), cursor)
    if isinstance(what, Pace):
        return _frame("status", what.at, _pace_data(what, run.id), cursor)
    return _frame("log", format_utc(utc_now()), _console_data(what), cursor)


def encode_snapshot(run: Run, cursor: Cursor) -> bytes:
    """How a run stands: its status, and its newest metrics where there are some. The last one carries the cursor."""
    at = format_utc(utc_now())
    frames = [("status", to_status(run) | {"final": False, "event_seq": run.event_seq})]
    if run.latest:
        frames.append(("metrics", _newest_metrics(run)))
    places = [None] * (len(frames) - 1) + [cursor.encode()]
    return b"".join(
        _frame(kind, at, data, place, snapshot=True)
        for (kind, data), place in zip(frames, places, strict=True)
    )


def encode_final(run: Run, cursor: Cursor) -> bytes:
    """The last message of a run that has ended."""
    at = run.finished_at or utc_now()
    return _frame(
        "status", format_utc(at), to_status(run) | {"event": "run_ended", "final": True}, cursor.encode()
    )


def to_status(run: Run) -> dict[str, Any]:
    """The status of a run as it stands."""
    return {
        "run_id": run.id,
        "status": STATUSES[run.state],
        "state": run.state.value,
        "event": None,
        "attempt": run.attempt,
        "progress": run.progress.to_json(),
        "eta_minutes": _minutes(run.progress.eta_s),
        "error": run.error,
        "detail": {},
        **_reason_words(run.reason),
    }


def _of_event(event: Event, cursor: str, state: State) -> bytes | None:
    at = format_utc(event.at)
    if event.kind is EventKind.PROGRESS_REPORTED:
        return None
    if event.kind is EventKind.CHECKPOINT_SAVED:
        return _frame("checkpoint", at, _checkpoint_data(event), cursor)
    if event.kind is EventKind.NOTE_LOGGED:
        return _frame("log", at, _note_data(event), cursor)
    return _frame("status", at, _event_data(event, state), cursor)


def _event_data(event: Event, state: State) -> dict[str, Any]:
    """`state`: that of the run behind the event, which need not have changed it."""
    reason = event.data.get("reason")
    entered = state_after(event.kind, event.data)
    return {
        "run_id": event.run_id,
        "status": STATUSES[state],
        "state": entered.value if entered else None,
        "event": event.kind.value,
        "attempt": event.attempt,
        "progress": None,
        "eta_minutes": None,
        "error": event.data.get("error"),
        "detail": event.data,
        **_reason_words(Reason(str(reason)) if reason else None),
        "final": False,
    }


def _reason_words(reason: Reason | None) -> dict[str, Any]:
    rule = rule_of(reason) if reason else None
    return {
        "reason": reason.value if reason else None,
        "reason_text": rule.text if rule else None,
        "remedy": rule.remedy if rule else None,
    }


def _pace_data(pace: Pace, run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "status": "running",
        "state": None,
        "event": "progress",
        "attempt": pace.attempt,
        "progress": pace.progress.to_json(),
        "eta_minutes": _minutes(pace.progress.eta_s),
        "final": False,
    }


def _row_data(row: Row) -> dict[str, Any]:
    data = to_metrics(row.known, row.progress)
    return data | {"step": row.step, "attempt": row.attempt, "series": row.values}


def _newest_metrics(run: Run) -> dict[str, Any]:
    return to_metrics(run.latest, run.progress) | {"attempt": run.attempt, "series": run.latest}


def to_metrics(known: Mapping[str, float], progress: Progress | None) -> dict[str, Any]:
    """The newest numbers by the mission's names; null where none is known."""
    pace = progress or Progress()
    named = {name: known.get(series) for name, series in METRICS.items()}
    return {"epoch": pace.epoch, "step": pace.step, **named, "eta_minutes": _minutes(pace.eta_s)}


def _checkpoint_data(event: Event) -> dict[str, Any]:
    found = event.data
    size_bytes = found.get("size_bytes")
    return {
        "filename": found.get("path"),
        "step": found.get("step"),
        "epoch": found.get("epoch"),
        "val_loss": found.get("val_loss"),
        "val_score": found.get("val_score"),
        "size_mb": size_bytes / _MEBI if isinstance(size_bytes, int) else None,
        "created_at": format_utc(event.at),
        "sha256": found.get("sha256"),
        "attempt": event.attempt,
    }


def _note_data(event: Event) -> dict[str, Any]:
    return {
        "message": event.data.get("text"),
        "source": "note",
        "attempt": event.attempt,
        "level": event.data.get("level"),
        "offset": None,
    }


def _console_data(text: ConsoleText) -> dict[str, Any]:
    return {
        "message": text.text,
        "source": "console",
        "attempt": text.attempt,
        "level": None,
        "offset": text.offset,
    }


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / _MINUTE_S


def _frame(
    kind: str, at: str, data: Mapping[str, Any], cursor: str | None, *, snapshot: bool = False
) -> bytes:
    message: dict[str, Any] = {"event_type": kind, "timestamp": at, "data": data, "cursor": cursor}
    return frame_text(orjson.dumps(message | {"snapshot": True} if snapshot else message))
