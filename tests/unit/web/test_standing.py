"""A run's standing in words: the evidence stands beside the word."""

from __future__ import annotations

from typing import Any

import pytest

from headway.control.query import Contact, ContactState, RunView
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import State
from headway.web.standing import say_ago, say_left, say_progress, standing_of
from tests.factories import make_run, moment

NOW = moment(100)
LIVE = Contact(ContactState.LIVE, moment(98), None)
LOST = Contact(ContactState.LOST, moment(60), moment(60))


def _say(run: Run, contact: Contact | None = None, position: int | None = None) -> tuple[str, str, str]:
    found = standing_of(RunView(run, position, contact), NOW)
    return found.status, found.word, found.evidence


@pytest.mark.parametrize(
    ("changes", "contact", "position", "said"),
    [
        ({}, None, 0, ("pending", "pending", "next to start")),
        ({}, None, 2, ("pending", "pending", "2 ahead of it")),
        ({"attempt": 1}, None, 0, ("pending", "pending", "attempt 2, next to start")),
        ({"state": State.TRAINING}, LIVE, None, ("running", "running", "heartbeat 2 s ago")),
        ({"state": State.PREFLIGHT}, None, None, ("running", "running", "starting")),
        ({"state": State.TRAINING}, LOST, None, ("running", "contact lost", "last heartbeat 40 s ago")),
        (
            {"state": State.TRAINING, "cancel_requested_at": moment(97)},
            LOST,
            None,
            ("cancelling", "cancelling", "asked 3 s ago"),
        ),
        ({"state": State.DONE, "reason": Reason.COMPLETED}, None, None, ("completed", "completed", "")),
        (
            {"state": State.CANCELLED, "reason": Reason.CANCELLED_BY_USER},
            None,
            None,
            ("cancelled", "cancelled", ""),
        ),
        (
            {"state": State.FAILED, "reason": Reason.DISK_FULL},
            None,
            None,
            ("failed", "failed", "The disk is full."),
        ),
    ],
)
def test_the_word_has_its_evidence(
    changes: dict[str, Any], contact: Contact | None, position: int | None, said: tuple[str, str, str]
) -> None:
    assert _say(make_run(**changes), contact, position) == said


def test_a_failed_run_says_what_to_do() -> None:
    run = make_run(state=State.FAILED, reason=Reason.DISK_FULL)

    assert "Free some space" in standing_of(RunView(run, None, None), NOW).remedy


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "now"),
        (2.4, "2 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7_300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_an_age_has_one_unit(seconds: float, said: str) -> None:
    assert say_ago(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(7.4, "7 s"), (94, "1 min 34 s"), (1_214, "20 min"), (4_700, "1 h 18 min")]
)
def test_an_estimate_is_not_finer_than_it_can_be_known(seconds: float, said: str) -> None:
    assert say_left(seconds) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": State.TRAINING, "progress": Progress(0.42, eta_s=180.0)}, "42 % · 3 min left"),
        ({"state": State.TRAINING, "progress": Progress(0.05)}, "5 %"),
        ({}, ""),
        ({"progress": Progress(0.3)}, "30 % done before"),
        (
            {"state": State.DONE, "attempt": 1, "started_at": moment(10), "finished_at": moment(132)},
            "took 2 min 2 s",
        ),
        ({"state": State.CANCELLED, "finished_at": moment(9)}, "never started"),
        (
            {
                "state": State.FAILED,
                "attempt": 1,
                "progress": Progress(0.5),
                "started_at": moment(10),
                "finished_at": moment(14),
            },
            "ended at 50 % after 4.0 s",
        ),
    ],
)
def test_progress_is_told_as_far_as_it_is_known(changes: dict[str, Any], said: str) -> None:
    assert say_progress(make_run(**changes)) == said
