"""A training that says a lot, leaves files of all kinds, and means no good by their names and texts."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from headway.domain.states import State
from headway.engines.base import Assignment, Reporter

EVIL = "<img src=x onerror=alert(1)>"
EVIL_FILE = f"{EVIL}.json"
_TURN_S = 0.05
_FIRST_STEPS = 50

# It has to be seen with its own styles and script, and must neither read our cookie nor ask for anything.
_REPORT = """<!doctype html><title>A report</title><style>p { color: rgb(0, 128, 0) }</style>
<p id="told">not run</p><svg width="20" height="20"><rect width="20" height="20" fill="green"/></svg>
<script>
let cookie = "none";
try { cookie = document.cookie || "none"; } catch (error) { cookie = "refused"; }
const tell = (runs) => { document.getElementById("told").textContent = `cookie ${cookie}, runs ${runs}`; };
fetch("/runs").then(() => tell("read"), () => tell("refused"));
</script>"""


def talk(assignment: Assignment, reporter: Reporter) -> None:
    """Write numbers, lines, a checkpoint and files; then numbers and lines until there is a file `go`."""
    reporter.enter(State.TRAINING, "training")
    _say(EVIL)
    _say("2026-01-01 ERROR a line that is an error")
    _show_progress()
    _say("2026-01-01 WARNING a line that is a warning")
    reporter.note(f"a note with {EVIL}")
    _leave_files(assignment.run.artifacts)
    begin = 0 if assignment.resume is None else int((assignment.resume / "step").read_text())
    go = assignment.run.path / "go"
    step = begin
    while step < begin + _FIRST_STEPS or not go.exists():
        reporter.check()
        step += 1
        _say(f"line {step}")
        reporter.metrics(
            step, {"train/loss": 1.0 / step, "val/loss": 1.5 / step, "train/learning_rate": 1e-4 / step}
        )
        reporter.advance(min(step / 1000, 0.99), text="talking", step=step, steps_total=1000)
        if step == begin + _FIRST_STEPS:
            with reporter.draft(step) as folder:
                (folder / "step").write_text(str(step))
        time.sleep(_TURN_S)
    reporter.enter(State.EVALUATING, "evaluating")


def print_much(_assignment: Assignment, reporter: Reporter) -> None:
    """A warning, then a hundred thousand lines."""
    reporter.enter(State.TRAINING, "training")
    _say("UserWarning: the first of many lines")
    _say("\n".join(f"line {number}" for number in range(1, 100_001)))
    reporter.enter(State.EVALUATING, "evaluating")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show_progress() -> None:
    """A bar as tqdm writes it: over itself."""
    for percent in range(0, 101, 2):
        sys.stdout.write(f"\rbar {percent:3d}%|{percent // 10 * '#':10}|")
        sys.stdout.flush()
    sys.stdout.write("\n")


def _leave_files(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / EVIL_FILE).write_text('{"name": "<b>bold</b>"}')
    (folder / "report.html").write_text(_REPORT)
    (folder / "config.yaml").write_text("model:\n  d_model: 8\n")
    pl.DataFrame({"h1": [0.125, None], "name": ["<i>first</i>", "second"]}).write_parquet(
        folder / "predictions.parquet"
    )
