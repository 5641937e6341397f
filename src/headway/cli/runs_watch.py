"""Watch a run over its socket. Ctrl-C detaches; the training goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from headway.cli.common import write_json
from headway.cli.exits import Exit
from headway.cli.live import JsonView, LiveView, PlainView, View
from headway.cli.render import make_console, say
from headway.cli.render_runs import show_run
from headway.client.answers import PROGRESS, News
from headway.client.runs import RunsClient
from headway.client.watch import RunFollower
from headway.wire.stream import StreamFrame

EXITS: dict[str, Exit] = {"completed": Exit.DONE, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}

_SHOWN = ("train_loss", "val_loss", "val_da", "val_f1", "val_rmse", "learning_rate")


def watch_to_end(client: RunsClient, run_id: str, *, deadline_s: float | None, as_json: bool) -> Exit:
    """Show a run until it ends, then what came of it; the exit code that says how it ended.

    Raises WatchTimeout after `deadline_s`.
    """
    console = make_console()
    try:
        status = _follow(client, run_id, console, deadline_s=deadline_s, as_json=as_json)
    except KeyboardInterrupt:
        say_detached(run_id, as_json=as_json)
        return Exit.DONE
    run = client.get(run_id)
    if as_json:
        write_json({"kind": "run", "data": run.model_dump(mode="json")}, line=True)
    else:
        show_run(console, run)
    return EXITS.get(status, Exit.ERROR)


def say_detached(run_id: str, *, as_json: bool) -> None:
    """How to come back and how to cancel; on standard error when standard output is for programs."""
    console = make_console(stderr=as_json)
    say(console, f"\nDetached. {run_id} goes on.")
    say(console, f"  come back: headway runs watch {run_id}")
    say(console, f"  cancel:    headway runs cancel {run_id}")


def _follow(
    client: RunsClient, run_id: str, console: Console, *, deadline_s: float | None, as_json: bool
) -> str:
    view = _choose_view(console, run_id, as_json=as_json)
    follower = RunFollower(client, run_id, deadline_s=deadline_s, on_contact=view.show_contact)
    picture, status = Picture(), ""
    with view:
        for frame in follower.follow():
            status = str(frame.data.get("status") or status)
            if isinstance(view, JsonView):
                view.write(frame.model_dump(mode="json"))
                continue
            for news in picture.take(frame):
                view.show(news)
    return status


def _choose_view(console: Console, run_id: str, *, as_json: bool) -> View:
    if as_json:
        return JsonView()
    return LiveView(console, run_id, what="training") if console.is_terminal else PlainView(console)


@dataclass
class Picture:
    """How a run stands, put together from all that was told; as news for the views that all watching has."""

    standing: dict[str, Any] = field(default_factory=dict)

    def take(self, frame: StreamFrame) -> Iterator[News]:
        """What to show after a message."""
        data = frame.data
        if frame.event_type == "status":
            yield from self._take_status(frame, data)
        elif frame.event_type == "metrics":
            self.standing["latest"] = {
                name: data[name] for name in _SHOWN if data.get(name) is not None
            } or None
            self.standing["step"] = data.get("step") or self.standing.get("step")
            yield News(PROGRESS, dict(self.standing))
        elif frame.event_type == "checkpoint":
            yield News("checkpoint", data, at=frame.timestamp, attempt=data.get("attempt"))
        elif data.get("source") == "note":
            told = {"level": data.get("level"), "text": data.get("message")}
            yield News("note_logged", told, at=frame.timestamp, attempt=data.get("attempt"))

    def _take_status(self, frame: StreamFrame, data: Mapping[str, Any]) -> Iterator[News]:
        progress = data.get("progress") or {}
        told = {
            "state": data.get("state"),
            "fraction": progress.get("fraction"),
            "phase": progress.get("phase") or (data.get("detail") or {}).get("text"),
            "step": progress.get("step"),
            "stepsTotal": progress.get("steps_total"),
            "ratePerS": progress.get("rate_per_s"),
            "etaS": progress.get("eta_s"),
            "contact": _contact_after(data),
        }
        self.standing |= {name: value for name, value in told.items() if value is not None}
        if progress:  # what is not foreseen any more is not shown as it was
            self.standing |= {"ratePerS": told["ratePerS"], "etaS": told["etaS"]}
        if data.get("final"):
            self.standing["etaS"] = None
        event = data.get("event")
        if event and event != "progress" and not data.get("final"):
            detail = {**(data.get("detail") or {}), "reason": data.get("reason")}
            yield News(str(event), detail, at=frame.timestamp, attempt=data.get("attempt"))
        yield News(PROGRESS, dict(self.standing))


def _contact_after(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether the training itself is heard of; None where nothing is said of it."""
    event = data.get("event")
    if event == "contact_lost":
        return {"state": "lost", "lostSince": (data.get("detail") or {}).get("since")}
    return {"state": "live"} if event in {"contact_regained", "run_claimed"} else None
