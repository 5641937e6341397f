"""Runs in the words of the jobs API. The only place where fractions become percent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.control.query import Contact, QueueView, RunView
from headway.domain.artifacts import Artifact
from headway.domain.clock import format_utc
from headway.domain.events import Event
from headway.domain.limits import estimate_cost_usd
from headway.domain.reasons import rule_of
from headway.domain.results import Result
from headway.domain.runs import Run
from headway.domain.trading import TradingConfig
from headway.ports import SlotUse
from headway.wire import jobs
from headway.wire.rundir import RunDir

_PERCENT = 100.0
_MISSING_NAMES = {
    "sharpe": "sharpe",
    "sharpe_low": "ciSharpe95",
    "win_rate_fraction": "winRate",
    "improvement_percent": "improvementPct",
    "sharpe_difference_interval": "intervalExcludesBuyAndHold",
}


def to_job(view: RunView, folder: RunDir) -> jobs.TrainingJob:
    """Every field of a job; what is not known is null."""
    run, limits = view.run, view.run.spec.limits
    hours = (limits.duration_s or 0.0) / 3600.0
    return jobs.TrainingJob(
        job_id=run.id,
        created_at=format_utc(run.created_at),
        started_at=_time(run.started_at),
        finished_at=_time(run.finished_at),
        state=run.state.value,
        error=run.error,
        manifest_path=_path(folder.manifest),
        artifacts=to_artifacts(run, folder),
        metrics=to_metrics(run.result),
        duration_hours=hours,
        max_duration_hours=limits.hard_duration_s / 3600.0 if limits.hard_duration_s else None,
        max_cost_usd=limits.max_cost_usd,
        estimated_cost_usd=estimate_cost_usd(hours, limits.usd_per_hour),
        seed=run.spec.seed,
        notes=run.notes,
        origin=run.spec.origin,
        contact=_to_contact(view.contact),
        attempt=run.attempt,
        queue_position=view.queue_position,
        cancel_requested_at=_time(run.cancel_requested_at),
        latest=run.latest,
        data_label=run.result.data_label if run.result else None,
        simulated=run.result.simulated if run.result else False,
        **_of_config(TradingConfig.from_json(run.spec.config)),
        **_of_progress(run),
        **_of_reason(run),
    )


def to_metrics(result: Result | None) -> jobs.JobMetrics | None:
    """The headline numbers; null before there is a result."""
    if result is None:
        return None
    found = result.metrics
    low, high = found.get("sharpe_low"), found.get("sharpe_high")
    return jobs.JobMetrics(
        sharpe=found.get("sharpe"),
        return_pct=_percent(found.get("return_fraction")),
        max_dd_pct=_percent(found.get("max_drawdown_fraction")),
        ci_sharpe95=(low, high) if low is not None and high is not None else None,
        win_rate=found.get("win_rate_fraction"),
        generation=_whole(found.get("generation")),
        improvement_pct=found.get("improvement_percent"),
        trades=_whole(found.get("trades")),
        turnover=found.get("turnover"),
        buy_and_hold=_to_buy_and_hold(found),
        interval_excludes_buy_and_hold=_flag(result.details.get("interval_excludes_buy_and_hold")),
        missing=_explain_missing(result),
    )


def _explain_missing(result: Result) -> dict[str, str]:
    """Why numbers are null, by the names that they have here."""
    reasons = result.details.get("missing")
    if not isinstance(reasons, Mapping):
        return {}
    return {_MISSING_NAMES[name]: str(why) for name, why in reasons.items() if name in _MISSING_NAMES}


def to_artifacts(run: Run, folder: RunDir) -> jobs.JobArtifacts:
    """Paths of what is there by now."""
    kept = run.result.artifacts if run.result else ()
    return jobs.JobArtifacts(
        model_path=_model_path(kept, folder),
        report_html=_path(folder.report),
        metrics_path=_path(folder.metrics),
    )


def to_results(view: RunView, folder: RunDir) -> jobs.JobResults:
    job = to_job(view, folder)
    return jobs.JobResults(
        job=job, metrics=job.metrics, artifacts=job.artifacts, manifest_path=job.manifest_path
    )


def to_accepted(run: Run, position: int) -> dict[str, Any]:
    """The answer to a creation, as it is stored for replays."""
    hours = (run.spec.limits.duration_s or 0.0) / 3600.0
    accepted = jobs.JobAccepted(
        job_id=run.id,
        accepted_at=format_utc(run.created_at),
        estimated_duration=f"{hours:g} hour{'' if hours == 1 else 's'}",
        queue_position=position,
    )
    return accepted.model_dump(mode="json", by_alias=True)


def to_queue(view: QueueView) -> jobs.QueueStatus:
    held: dict[str, list[str]] = {}
    for slot in view.slots:
        if slot.run_id is not None:
            held.setdefault(slot.run_id, []).append(f"{slot.kind}:{slot.index}")
    running = [_to_running(run, held.get(run.id, [])) for run in view.active]
    return jobs.QueueStatus(
        queue_length=view.length,
        is_running=bool(running),
        current_job=running[0] if running else None,
        running=running,
        waiting=[_to_waiting(run, position) for position, run in enumerate(view.waiting)],
        slots=[_to_slot(slot) for slot in view.slots],
    )


def to_summary(view: QueueView) -> jobs.QueueSummary:
    return jobs.QueueSummary(
        queue_length=view.length,
        current_job=view.active[0].id if view.active else None,
        is_running=bool(view.active),
    )


def to_event(event: Event) -> dict[str, Any]:
    """A kept fact, as a follower gets it."""
    return {
        "seq": event.seq,
        "kind": event.kind.value,
        "at": format_utc(event.at),
        "attempt": event.attempt,
        "data": event.data,
    }


def to_progress(view: RunView) -> dict[str, Any]:
    """How a run stands between two events."""
    run, contact = view.run, _to_contact(view.contact)
    return {
        "state": run.state.value,
        "fraction": run.progress.fraction,
        "phase": run.progress.phase,
        "step": run.progress.step,
        "stepsTotal": run.progress.steps_total,
        "ratePerS": run.progress.rate_per_s,
        "etaS": run.progress.eta_s,
        "latest": run.latest,
        "queuePosition": view.queue_position,
        "contact": contact.model_dump(mode="json", by_alias=True) if contact else None,
    }


def _of_config(config: TradingConfig) -> dict[str, Any]:
    return {
        "symbols": list(config.symbols),
        "features": list(config.features),
        "timeframe": config.timeframe,
        "version": config.version,
        "skip_validation": config.skip_validation,
        "steps": config.steps,
    }


def _of_progress(run: Run) -> dict[str, Any]:
    progress = run.progress
    return {
        "progress": progress.fraction,
        "phase": progress.phase or None,
        "eta_seconds": progress.eta_s,
        "step": progress.step,
        "steps_total": progress.steps_total,
        "steps_per_second": progress.rate_per_s,
    }


def _of_reason(run: Run) -> dict[str, Any]:
    if run.reason is None:
        return {}
    rule = rule_of(run.reason)
    return {"reason": run.reason.value, "reason_text": rule.text, "remedy": rule.remedy}


def _to_contact(contact: Contact | None) -> jobs.Contact | None:
    if contact is None:
        return None
    return jobs.Contact(
        state=contact.state.value,
        heartbeat_at=_time(contact.heartbeat_at),
        lost_since=_time(contact.lost_since),
    )


def _to_buy_and_hold(found: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        "sharpe": found.get("buy_hold_sharpe"),
        "returnPct": _percent(found.get("buy_hold_return_fraction")),
        "maxDDPct": _percent(found.get("buy_hold_max_drawdown_fraction")),
    }


def _to_running(run: Run, slots: list[str]) -> jobs.QueueRunning:
    return jobs.QueueRunning(
        job_id=run.id,
        symbols=_symbols(run),
        state=run.state.value,
        progress=run.progress.fraction,
        phase=run.progress.phase or None,
        started_at=_time(run.started_at),
        slots=slots,
    )


def _to_waiting(run: Run, position: int) -> jobs.QueueWaiting:
    return jobs.QueueWaiting(
        job_id=run.id, position=position, symbols=_symbols(run), created_at=format_utc(run.created_at)
    )


def _to_slot(slot: SlotUse) -> jobs.Slot:
    return jobs.Slot(kind=slot.kind, index=slot.index, job_id=slot.run_id)


def _symbols(run: Run) -> list[str]:
    return list(TradingConfig.from_json(run.spec.config).symbols)


def _model_path(artifacts: tuple[Artifact, ...], folder: RunDir) -> str | None:
    models = [artifact.path for artifact in artifacts if artifact.kind == "model"]
    chosen = next((path for path in models if path.endswith(".zip")), models[0] if models else None)
    return _path(folder.path / chosen) if chosen else None


def _path(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _time(moment: Any) -> str | None:
    return None if moment is None else format_utc(moment)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else fraction * _PERCENT + 0.0  # no -0.0


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
