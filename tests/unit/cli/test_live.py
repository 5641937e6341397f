from __future__ import annotations

import io
import json
import sys

import pytest
from rich.console import Console

from headway.cli.live import JsonView, LiveView, PlainView, View
from headway.cli.skippy_watch import choose_view
from headway.client.answers import News
from headway.client.patience import ContactChange
from tests.unit.client.server import JOB

LOST = ContactChange(lost=True, why="connection refused")


def told(
    fraction: float | None, phase: str = "PPO epoch 1/20", state: str = "training", **more: object
) -> News:
    return News("progress", {"state": state, "fraction": fraction, "phase": phase, **more})


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None, markup=False)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_plain_lines_tell_each_phase_and_each_five_percent() -> None:
    console = Console(file=io.StringIO(), width=160)
    with PlainView(console) as view:
        for percent in range(5, 16):
            view.show(told(percent / 100, f"PPO epoch {percent}/20", etaS=3725.0))
        view.show(told(0.95, "measuring", "evaluating"))
        view.show(told(0.95, "writing the report", "evaluating"))
    assert written(console).splitlines() == [
        "[training] 5 % PPO epoch 5/20, 1 h 02 min left",
        "[training] 10 % PPO epoch 10/20, 1 h 02 min left",
        "[training] 15 % PPO epoch 15/20, 1 h 02 min left",
        "[evaluating] 95 % measuring",
        "[evaluating] 95 % writing the report",
    ]


def test_plain_lines_tell_what_changes_the_course_of_a_job() -> None:
    console = Console(file=io.StringIO(), width=160)
    at = "2026-11-23T09:05:36Z"
    with PlainView(console) as view:
        view.show(News("checkpoint_saved", {"step": 7}, 1, at, 1))
        view.show(News("note_logged", {"level": "warning", "text": "a gap in [BTC]"}, 2, at, 1))
        view.show(News("attempt_ended", {"attempt": 1, "reason": "supervisor_lost"}, 3, at, 1))
        view.show(News("run_ended", {"state": "failed"}, 4, at, 2))
        view.show_contact(LOST)
        view.show_contact(ContactChange(lost=False))
    assert written(console).splitlines() == [
        "2026-11-23 09:05:36 UTC  warning: a gap in [BTC]",
        "2026-11-23 09:05:36 UTC  attempt 1 ended (supervisor_lost); the job is tried again",
        "server lost, trying again: connection refused",
        "the server answers again",
    ]


def test_the_live_picture_shows_what_is_known() -> None:
    console = terminal()
    with LiveView(console, JOB) as view:
        view.show(
            told(
                0.425,
                step=425_000,
                stepsTotal=1_000_000,
                ratePerS=88_123.4,
                etaS=7325.0,
                latest={"train/loss": 0.123456, "eval/sharpe": 1.5},
                contact={"state": "lost", "lostSince": "2026-11-23T09:05:36Z"},
            )
        )
        view.show_contact(LOST)
    drawn = written(console)
    for text in (
        JOB,
        "training",
        "PPO epoch 1/20",
        "42.5 %",
        "2 h 02 min left",
        "88,123 steps/s",
        "425,000/1,000,000 steps",
        "eval/sharpe 1.5  train/loss 0.1235",
        "contact to the training lost since 2026-11-23 09:05:36 UTC",
        "server lost, trying again: connection refused",
        "Ctrl-C detaches",
    ):
        assert text in drawn


def test_the_live_picture_shows_a_dash_for_what_is_not_known() -> None:
    console = terminal()
    with LiveView(console, JOB) as view:
        view.show(told(None))
        view.show_contact(LOST)
        view.show_contact(ContactChange(lost=False))
    last = written(console).split("Ctrl-C")[-2]
    assert "— left" in last
    assert "— steps/s" in last
    assert "server lost" not in last


def test_json_lines_tell_everything(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonView() as view:
        view.show(told(0.5))
        view.show(News("note_logged", {"text": "ü\u2028"}, 2, "then", 1))
        view.show_contact(LOST)
    lines = [json.loads(line) for line in capsys.readouterr().out.split("\n")[:-1]]
    assert [line["kind"] for line in lines] == ["progress", "note_logged", "connection"]
    assert lines[1] == {
        "seq": 2,
        "kind": "note_logged",
        "at": "then",
        "attempt": 1,
        "data": {"text": "ü\u2028"},
    }


@pytest.mark.parametrize(
    ("console", "as_json", "kind"),
    [
        (terminal(), False, LiveView),
        (Console(file=sys.stdout, force_terminal=False), False, PlainView),
        (terminal(), True, JsonView),
    ],
)
def test_the_view_fits_who_looks(console: Console, *, as_json: bool, kind: type[View]) -> None:
    assert type(choose_view(console, JOB, as_json=as_json)) is kind
