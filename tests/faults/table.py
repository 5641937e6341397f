"""What the fault suite has found, as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from headway.domain.clock import format_utc, utc_now
from tests.faults.faults import CRASHES, FAULTS, SKIPPED
from tests.faults.harness import Outcome
from tests.machine import describe_machine

_ABOUT = """\
# What the fault suite found

Written by `make bench-faults`: every run replaces it. [Promises](../docs/promises.md) tells what each case checks.
"""
_LEGEND = """\
*Late*: all trainings had ended before the fault could strike; the promises were checked nevertheless. *Recovery* is
from the end of the last fault (for a killed server: just before it is started again) until the last run is at rest: it
holds the server's start, the rest of the trainings, and waiting for a slot where three runs share two.
"""


def make_document(outcomes: list[Outcome], *, took_s: float, command: str) -> str:
    """The whole page."""
    speed = len(outcomes) / max(took_s, 0.001)
    day = format_utc(utc_now())[:10]
    summary = f"{day}: {len(outcomes)} cases in {took_s:.0f} s, {speed:.2f} a second, by `{command}`."
    machine = "; ".join(f"{name}: {value}" for name, value in describe_machine().items())
    parts = [_ABOUT, summary, "", f"Machine: {machine}.", "", *_table(outcomes), "", _LEGEND]
    broken = [f"* {outcome.case}: {outcome.broken[0]}" for outcome in outcomes if outcome.broken]
    return "\n".join([*parts, *(["## Broken", "", *broken, ""] if broken else [])])


def write_results(path: Path, outcomes: list[Outcome], *, took_s: float, command: str) -> None:
    """The page at `path`, and every case as JSON beside it."""
    path.write_text(make_document(outcomes, took_s=took_s, command=command))
    cases = [
        {
            "seed": outcome.case.seed,
            "faults": outcome.case.faults,
            "struck": outcome.struck,
            "recovery_s": round(outcome.recovery_s, 3),
            "broken": outcome.broken,
        }
        for outcome in sorted(outcomes, key=lambda found: found.case.seed)
    ]
    found = {
        "command": command,
        "took_s": round(took_s, 1),
        "machine": describe_machine(),
        "skipped": SKIPPED,
        "cases": cases,
    }
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


def _table(outcomes: list[Outcome]) -> Iterator[str]:
    found: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.case.faults[0]].append(outcome)
    yield "| fault | cases | held | broken | late | median recovery (s) | worst recovery (s) |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name in (*FAULTS, *CRASHES):
        if name in found:
            yield _row(name, found[name])
        elif name in SKIPPED:
            yield f"| {name} | 0 | | | skipped: {SKIPPED[name]} | | |"
    if outcomes:
        yield _row("all", outcomes)


def _row(name: str, outcomes: list[Outcome]) -> str:
    broken = sum(bool(outcome.broken) for outcome in outcomes)
    late = sum(outcome.struck == 0 for outcome in outcomes)
    times = [outcome.recovery_s for outcome in outcomes]
    held = len(outcomes) - broken
    return (
        f"| {name} | {len(outcomes)} | {held} | {broken} | {late} | "
        f"{statistics.median(times):.1f} | {max(times):.1f} |"
    )
