"""How a run stands, in a word and the evidence for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headway.control.query import Contact, ContactState, RunView
from headway.control.run_views import STATUSES
from headway.domain.reasons import Reason, rule_of
from headway.domain.runs import Run
from headway.domain.states import State
from headway.web.wording import say_duration

_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_COARSE_S = 600
_PLAIN_ENDS = {Reason.COMPLETED, Reason.CANCELLED_BY_USER}  # the word of the status says it all


@dataclass(frozen=True)
class Standing:
    """`status` colours the badge; `evidence` says how it is known, or why it came to this; `remedy` what to do."""

    status: str
    word: str
    evidence: str = ""
    remedy: str = ""

    @property
    def contact(self) -> str:
        return "lost" if self.word == "contact lost" else "live"


def standing_of(view: RunView, now: datetime) -> Standing:
    """What is known of a run at a moment."""
    run = view.run
    if run.state is State.QUEUED:
        return Standing("pending", "pending", _say_place(run, view.queue_position))
    if run.ended:
        return _standing_of_ended(run)
    if run.cancel_requested_at is not None:
        asked_s = (now - run.cancel_requested_at).total_seconds()
        return Standing("cancelling", "cancelling", f"asked {say_ago(asked_s)}")
    if view.contact is not None and view.contact.state is ContactState.LOST:
        return Standing(
            "running", "contact lost", _say_lost(view.contact, now), "Nothing is lost: it may still run."
        )
    return Standing("running", "running", _say_beat(view.contact, now))


def say_ago(seconds: float) -> str:
    """`now`, `2 s ago`, `3 min ago`: one unit."""
    if seconds < 1:
        return "now"
    size, unit = next(span for span in _SPANS if round(seconds) >= span[0])
    return f"{round(seconds) // size} {unit} ago"


def say_progress(run: Run) -> str:
    """`42 % · 3 min left`, `took 2 min`; empty where there is nothing to say yet."""
    if run.finished_at is not None:
        if not run.attempt:
            return "never started"
        begin = run.started_at or run.created_at
        took = say_duration((run.finished_at - begin).total_seconds())
        return f"took {took}" if run.state is State.DONE else f"ended at {_say_percent(run)} after {took}"
    if run.state is State.QUEUED:
        return f"{_say_percent(run)} done before" if run.progress.fraction else ""
    left_s = run.progress.eta_s
    return _say_percent(run) + (f" · {say_left(left_s)} left" if left_s is not None else "")


def say_left(seconds: float) -> str:
    """An estimate is not told more finely than it can be known: from ten minutes on in whole minutes."""
    return say_duration(round(seconds / 60) * 60 if seconds >= _COARSE_S else round(seconds)).replace(
        ".0 s", " s"
    )


def _standing_of_ended(run: Run) -> Standing:
    status = STATUSES[run.state]
    if run.reason is None or run.reason in _PLAIN_ENDS:
        return Standing(status, status)
    rule = rule_of(run.reason)
    return Standing(status, status, rule.text, rule.remedy)


def _say_place(run: Run, position: int | None) -> str:
    again = f"attempt {run.attempt + 1}, " if run.attempt else ""
    if position is None:
        return f"{again}waits"
    return f"{again}next to start" if position == 0 else f"{again}{position} ahead of it"


def _say_lost(contact: Contact, now: datetime) -> str:
    since = contact.lost_since
    return "" if since is None else f"last heartbeat {say_ago((now - since).total_seconds())}"


def _say_beat(contact: Contact | None, now: datetime) -> str:
    if contact is None or contact.heartbeat_at is None:
        return "starting"
    return f"heartbeat {say_ago((now - contact.heartbeat_at).total_seconds())}"


def _say_percent(run: Run) -> str:
    return f"{100 * run.progress.fraction:.0f} %"
