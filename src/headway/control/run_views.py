"""Runs of every engine in the words of the runs API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from headway.control.files import CHECKPOINTS, RunFile
from headway.control.history import History
from headway.control.query import Contact, RunView
from headway.control.translate_runs import config_of
from headway.domain.artifacts import Checkpoint
from headway.domain.clock import format_utc
from headway.domain.events import Event, EventKind
from headway.domain.json import finite
from headway.domain.progress import Progress
from headway.domain.reasons import rule_of
from headway.domain.runs import Run
from headway.domain.states import State
from headway.domain.subjects import symbols_of, timeframes_of
from headway.wire import run_records, runs

STATUSES: dict[State, runs.Status] = {
    State.QUEUED: "pending",
    State.PREFLIGHT: "running",
    State.TRAINING: "running",
    State.EVALUATING: "running",
    State.DONE: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
METRICS = {
    "train_loss": "train/loss",
    "val_loss": "val/loss",
    "val_da": "val/da",
    "val_f1": "val/f1",
    "val_rmse": "val/rmse",
    "learning_rate": "train/learning_rate",
    "gpu_memory_mb": "system/gpu_memory_mb",
    "gpu_utilization": "system/gpu_fraction",
}
"""The mission's names, and the series that they are."""

_MEBI = float(1 << 20)
_MINUTE_S = 60.0
STATE_AFTER = {
    EventKind.RUN_QUEUED: State.QUEUED,
    EventKind.RUN_CLAIMED: State.PREFLIGHT,
    EventKind.TRAINING_STARTED: State.TRAINING,
    EventKind.EVALUATION_STARTED: State.EVALUATING,
    EventKind.ATTEMPT_ENDED: State.QUEUED,
    EventKind.RUN_RESUMED: State.QUEUED,
}
ArtifactType = Literal["checkpoint", "config", "scaler", "metrics", "predictions", "report", "model", "other"]
_TYPES: tuple[tuple[str, ArtifactType], ...] = (
    (r"checkpoints/.*|.*\.(ckpt|pth|pt)", "checkpoint"),
    (r".*config.*\.(ya?ml|json)", "config"),
    (r".*(scaler|calibrator).*", "scaler"),
    (r".*metrics.*\.json", "metrics"),
    (r".*pred.*\.(parquet|csv)", "predictions"),
    (r".*report.*\.html", "report"),
    (r".*\.(safetensors|zip|onnx)", "model"),
)


def to_summary(view: RunView) -> runs.RunSummary:
    """A run as lists show it."""
    return runs.RunSummary(**_summary(view))


def to_run(view: RunView, history: History) -> runs.TrainingRun:
    """Everything about a run."""
    spec = view.run.spec
    saves = history.saves()
    return runs.TrainingRun(
        **_summary(view),
        config=dict(config_of(spec)),
        resolved=dict(spec.config),
        seed=spec.seed,
        max_hours=spec.limits.hard_duration_s / 3600.0 if spec.limits.hard_duration_s else None,
        max_cost_usd=spec.limits.max_cost_usd,
        priority=spec.priority,
        checkpoints=[_to_checkpoint(kept, history, saves.get(kept.path)) for kept in history.checkpoints],
        checkpoints_left_out=history.left_out,
        timeline=[step for step in map(_to_step, history.events) if step is not None],
        attempts=_to_attempts(history.events),
        details=dict(view.run.result.details) if view.run.result else {},
    )


def to_created(run: Run, position: int) -> dict[str, Any]:
    """The answer to a creation, as it is stored for replays."""
    created = runs.RunCreated(
        id=run.id,
        status=STATUSES[run.state],
        created_at=format_utc(run.created_at),
        name=run.name,
        queue_position=position,
    )
    return created.model_dump(mode="json")


def to_artifact(file: RunFile) -> run_records.ArtifactInfo:
    return run_records.ArtifactInfo(
        name=file.name,
        size_bytes=file.size_bytes,
        created_at=format_utc(file.modified_at),
        artifact_type=type_of(file.name),
        sha256=file.sha256,
    )


def type_of(name: str) -> ArtifactType:
    """What kind of file it is, by its name."""
    lowered = name.lower()
    base = lowered if lowered.startswith(f"{CHECKPOINTS}/") else lowered.rpartition("/")[2]
    return next((kind for pattern, kind in _TYPES if re.fullmatch(pattern, base)), "other")


def _summary(view: RunView) -> dict[str, Any]:
    run, result = view.run, view.run.result
    rule = rule_of(run.reason) if run.reason is not None else None
    return {
        "id": run.id,
        "name": run.name,
        "status": STATUSES[run.state],
        "state": run.state.value,
        "engine": run.spec.engine,
        "origin": run.spec.origin,
        "symbols": list(symbols_of(run.spec)),
        "timeframes": list(timeframes_of(run.spec)),
        "tags": list(run.tags),
        "notes": run.notes,
        "created_at": format_utc(run.created_at),
        "started_at": _time(run.started_at),
        "completed_at": _time(run.finished_at),
        "error": run.error,
        "reason": run.reason.value if run.reason else None,
        "reason_text": rule.text if rule else None,
        "remedy": rule.remedy if rule else None,
        "cancel_requested_at": _time(run.cancel_requested_at),
        "attempt": run.attempt,
        "queue_position": view.queue_position,
        "contact": _to_contact(view.contact),
        "progress": _to_progress(run.progress),
        "metrics": _to_metrics(run),
        "latest": run.latest,
        "best": run.best,
        "results": {name: finite(value) for name, value in result.metrics.items()} if result else {},
        "data_label": result.data_label if result else None,
        "simulated": result.simulated if result else False,
    }


def _to_progress(progress: Progress) -> runs.RunProgress:
    return runs.RunProgress(
        fraction=progress.fraction,
        phase=progress.phase or None,
        step=progress.step,
        steps_total=progress.steps_total,
        epoch=progress.epoch,
        epochs_total=progress.epochs_total,
        rate_per_s=progress.rate_per_s,
        eta_s=progress.eta_s,
    )


def _to_metrics(run: Run) -> runs.RunMetrics:
    eta_s = run.progress.eta_s
    values: dict[str, Any] = {name: run.latest.get(series) for name, series in METRICS.items()}
    return runs.RunMetrics(
        epoch=run.progress.epoch,
        step=run.progress.step,
        eta_minutes=None if eta_s is None else eta_s / _MINUTE_S,
        **values,
    )


def _to_contact(contact: Contact | None) -> runs.RunContact | None:
    if contact is None:
        return None
    return runs.RunContact(
        state=contact.state.value,
        heartbeat_at=_time(contact.heartbeat_at),
        lost_since=_time(contact.lost_since),
    )


def _to_checkpoint(kept: Checkpoint, history: History, saved: Event | None) -> runs.CheckpointInfo:
    told: Mapping[str, Any] = saved.data if saved else {}
    return runs.CheckpointInfo(
        filename=kept.path,
        step=kept.step,
        epoch=told.get("epoch"),
        val_loss=told.get("val_loss"),
        val_score=told.get("val_score"),
        size_mb=kept.size_bytes / _MEBI,
        pruned=kept.path in history.pruned,
        created_at=_time(saved.at) if saved else None,
        sha256=kept.sha256,
    )


def _to_step(event: Event) -> runs.StateChange | None:
    state = STATE_AFTER.get(event.kind)
    if event.kind is EventKind.RUN_ENDED:
        state = State(str(event.data["state"]))
    if state is None:
        return None
    reason = event.data.get("reason")
    return runs.StateChange(
        at=format_utc(event.at),
        event=event.kind.value,
        status=STATUSES[state],
        state=state.value,
        attempt=event.attempt,
        reason=str(reason) if reason else None,
    )


def _to_attempts(events: Sequence[Event]) -> list[runs.AttemptInfo]:
    """Each attempt from its claim to its end."""
    found: dict[int, dict[str, Any]] = {}
    for event in events:
        if event.kind is EventKind.RUN_CLAIMED:
            found[event.attempt] = {"number": event.attempt, "started_at": format_utc(event.at)}
        ended = event.kind in (EventKind.ATTEMPT_ENDED, EventKind.RUN_ENDED)
        if ended and event.attempt in found and "ended_at" not in found[event.attempt]:
            found[event.attempt] |= _end_of(event.data, format_utc(event.at))
    return [runs.AttemptInfo(**found[number]) for number in sorted(found)]


def _end_of(data: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {
        "ended_at": at,
        "reason": data.get("reason"),
        "error": data.get("error"),
        "runtime_s": data.get("attempt_runtime_s"),
    }


def _time(moment: Any) -> str | None:
    return None if moment is None else format_utc(moment)
