"""Runs and events as JSON text, and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from headway.domain.clock import format_utc, parse_utc
from headway.domain.json import Json, encode_json
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.specs import Spec
from headway.domain.states import State

_TIMES = ("created_at", "started_at", "finished_at", "cancel_requested_at", "contact_lost_since")
_PLAIN = tuple(
    field.name
    for field in fields(Run)
    if field.name not in (*_TIMES, "spec", "state", "reason", "progress", "result")
)


def encode_run(run: Run) -> str:
    """All of a run; ValueError for NaN or infinity in it."""
    record: dict[str, Json] = {name: getattr(run, name) for name in _PLAIN}
    record |= {name: to_text(getattr(run, name)) for name in _TIMES}
    record |= {
        "spec": run.spec.to_json(),
        "state": run.state.value,
        "reason": run.reason.value if run.reason else None,
        "progress": run.progress.to_json(),
        "result": run.result.to_json() if run.result else None,
    }
    return encode_json(record).decode()


def decode_run(text: str) -> Run:
    """The run that `encode_run` wrote."""
    # A list decodes fifty, and json.loads takes twice as long. Values are not kept: hardly one comes twice.
    record: dict[str, Any] = from_json(text, cache_strings="keys")
    times = {name: from_text(record.pop(name)) for name in _TIMES}
    reason, result = record.pop("reason"), record.pop("result")
    spec = Spec.from_json(record.pop("spec"))
    record.setdefault("name", spec.label)  # runs of older versions have none of the three
    record.setdefault("notes", spec.notes)
    record["tags"] = tuple(record.get("tags", ()))
    return Run(
        spec=spec,
        state=State(record.pop("state")),
        reason=Reason(reason) if reason else None,
        progress=Progress.from_json(record.pop("progress")),
        result=Result.from_json(result) if result else None,
        **times,
        **record,
    )


def find_run(text: str) -> Run | None:
    """As `decode_run`; None for a record that cannot be read."""
    try:
        return decode_run(text)
    except (ValueError, TypeError, KeyError):
        return None


def to_text(moment: datetime | None) -> str | None:
    return None if moment is None else format_utc(moment)


def from_text(text: str | None) -> Any:
    return None if text is None else parse_utc(text)
