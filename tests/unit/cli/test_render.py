from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from headway.cli import render
from headway.cli.render_jobs import show_results
from headway.wire.jobs import JobResults
from tests.unit.cli.running import METRICS
from tests.unit.client.server import job

ALL_TEXTS = [
    render.number_text,
    render.count_text,
    render.percent_text,
    render.fraction_text,
    render.metric_text,
    render.interval_text,
    render.duration_text,
    render.time_text,
    render.text_of,
    render.names_text,
]


@pytest.mark.parametrize("to_text", ALL_TEXTS)
def test_what_is_missing_is_a_dash(to_text: Any) -> None:
    assert to_text(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min")],
)
def test_durations_are_told_in_two_units(seconds: float, text: str) -> None:
    assert render.duration_text(seconds) == text


def test_zero_is_not_missing() -> None:
    assert render.number_text(0.0) == "0.00"
    assert render.fraction_text(0) == "0.0 %"


def test_a_moment_in_another_zone_is_told_in_utc() -> None:
    assert render.time_text("2026-11-23T11:05:36+02:00") == "2026-11-23 09:05:36 UTC"
    assert render.time_text("yesterday") == "yesterday"


def test_text_cannot_steer_the_terminal() -> None:
    console = Console(file=io.StringIO())
    render.say(console, "a\x1b[2Jb [red]c")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "a\ufffd[2Jb [red]c\n"


def results(**metrics: Any) -> str:
    console = Console(file=io.StringIO(), width=160, highlight=False)
    body = {"job": job("done"), "metrics": {**METRICS, **metrics}, "artifacts": None, "manifestPath": None}
    show_results(console, JobResults.model_validate(body))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("excludes", "sharpe", "text"),
    [
        (True, 1.2, "lies above it"),
        (True, -1.2, "lies below it"),
        (True, None, "lies outside it"),
        (False, 1.2, "No proven difference"),
    ],
)
def test_the_verdict_says_what_the_interval_shows(excludes: bool, sharpe: float | None, text: str) -> None:
    assert text in results(intervalExcludesBuyAndHold=excludes, sharpe=sharpe)


def test_without_an_interval_there_is_no_verdict() -> None:
    shown = results(intervalExcludesBuyAndHold=None, ciSharpe95=None, buyAndHold=None)
    assert "interval excludes" not in shown
    assert "interval includes" not in shown
    assert "—" in shown
