"""What people call a run: its name, tags and notes, which may change at any time, also after the end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headway.control.advance import advance
from headway.control.context import Context
from headway.domain.events import EventKind
from headway.domain.runs import Run
from headway.ports import Transaction
from headway.wire.runs import LabelRequest


def relabel(context: Context, run_id: str, request: LabelRequest) -> Run:
    """Keep the new labels; nothing changed is no event. Raises NotFound."""
    now = context.clock.now()
    return context.commit(run_id, lambda tx: _relabel(tx, run_id, request, now))


def _relabel(tx: Transaction, run_id: str, request: LabelRequest, now: datetime) -> Run:
    run = tx.get_run(run_id)
    asked: dict[str, Any] = {
        "name": request.name,
        "tags": None if request.tags is None else tuple(dict.fromkeys(request.tags)),
        "notes": request.notes,
    }
    changes = {name: value for name, value in asked.items() if value not in (None, getattr(run, name))}
    if not changes:
        return run
    told = {name: list(value) if isinstance(value, tuple) else value for name, value in changes.items()}
    labelled = advance(tx, run, EventKind.RUN_RELABELLED, at=now, data=told, **changes)
    tx.index_labels(labelled)
    return labelled
