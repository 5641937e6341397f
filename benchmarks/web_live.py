"""The page of a run, live: from a line in the files of an attempt to the screen, and what viewers cost the server.

`python -m benchmarks.web_live [--quick] [--json FILE]`. A delay ends when uPlot has drawn the row, and when the line is
in the console of the page; the screen shows either with its next frame. Viewers are connections of browsers that have
signed in, with 20 rows of four numbers and 100 lines a second. The page itself is left out, and told, where there is no
browser.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright
from tests.e2e.harness import Server
from tests.web.browsing import LAUNCH, find_chromium

from benchmarks import alone
from benchmarks.alone import run_alone
from benchmarks.attempt_writer import AttemptWriter, Pace
from benchmarks.drawn import CHARTS, CONSOLE
from benchmarks.percentiles import p50, p95
from benchmarks.serving import call, hold_slot, serving, sign_in
from benchmarks.stream import Load, run
from benchmarks.tables import Measure
from headway.control.sessions import COOKIE

CALM = Pace(2.0, 2.0)
BUSY = Pace(20.0, 100.0)
VIEWERS = (1, 20, 50)
GOAL_MS = 50.0
GOAL_SHARE_PERCENT = 10.0
GOAL_MEMORY_MB = 0.2
_FIRST_ROWS = 10  # so that there is a chart before anything is timed


@dataclass(frozen=True)
class Delays:
    """Milliseconds from the file to the page."""

    rows: list[float]
    lines: list[float]


def measure(pace: alone.Pace) -> list[Measure]:
    chromium = find_chromium()
    found: list[Measure] = []
    if chromium is None:
        print("there is no chromium: what needs a browser is left out", file=sys.stderr)
    else:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
            found += measure_page(browser, CALM, "", pace.choose(40, 6))
            found += measure_page(browser, BUSY, ", 20 rows and 100 lines a second", pace.choose(20, 4))
            browser.close()
    for viewers in VIEWERS:
        found += measure_viewers(viewers, pace.choose(20, 4))
    return found


def measure_page(browser: Browser, pace: Pace, load: str, seconds: float) -> list[Measure]:
    delays = watch_page(browser, pace, seconds)
    return [
        _delay(f"row written → drawn in the chart{load}, p50", delays.rows),
        _delay(f"line written → in the console{load}, p50", delays.lines),
    ]


def _delay(what: str, delays_ms: Sequence[float]) -> Measure:
    return Measure(what, p50(delays_ms), "ms", GOAL_MS, note=f"p95 {p95(delays_ms):.0f}; of {len(delays_ms)}")


def measure_viewers(count: int, seconds: float) -> list[Measure]:
    found = run(Load(count, BUSY, seconds))
    goals = (GOAL_SHARE_PERCENT, GOAL_MEMORY_MB) if count == max(VIEWERS) else (None, None)
    of = f"{count} viewer{'s' if count > 1 else ''}"
    unwatched = f"beyond {100 * found.idle_core_fraction:.1f} % with nobody watching"
    return [
        Measure(f"share of a core for {of}", found.share_percent, "%", goals[0], note=unwatched),
        Measure(f"memory for each of {of}", max(found.memory_mb, 0.0) / count, "MB", goals[1]),
    ]


def watch_page(browser: Browser, pace: Pace, seconds: float) -> Delays:
    """One page, open and on the screen, while an attempt speaks."""
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        run_id = hold_slot(server, caller)
        writer = AttemptWriter(server.run_dir(run_id).attempt(1))
        for _ in range(_FIRST_ROWS):
            writer.say_row()
        page = _open(browser, server, run_id)
        writer.write(pace, seconds)
        return _read(page, writer)


def _open(browser: Browser, server: Server, run_id: str) -> Page:
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 2400})
    context.add_cookies([{"name": COOKIE, "value": sign_in(server), "url": server.url}])
    context.add_init_script(CHARTS)
    context.add_init_script(CONSOLE)
    page = context.new_page()
    page.goto(f"/ui/runs/{run_id}")
    page.wait_for_function("rows => window.drawn.some(([step]) => step >= rows)", arg=_FIRST_ROWS)
    return page


def _read(page: Page, writer: AttemptWriter) -> Delays:
    """What the page noted, once all has come; rows that were drawn together were drawn by the same drawing."""
    last = len(writer.line_at)
    page.wait_for_function("rows => window.drawn.some(([step]) => step >= rows)", arg=writer.rows)
    page.wait_for_function("line => window.lines.has(line)", arg=writer.line_of(last))
    drawn = page.evaluate("() => window.drawn")
    lines = page.evaluate("() => Object.fromEntries(window.lines)")
    page.context.close()
    rows = [
        next(at for step, _, at in drawn if step >= row) - 1e3 * writer.row_at[row - 1]
        for row in range(_FIRST_ROWS + 1, writer.rows + 1)
    ]
    told = [(number, writer.line_of(number)) for number in range(1, last + 1)]
    return Delays(rows, [lines[text] - 1e3 * writer.line_at[number - 1] for number, text in told])


if __name__ == "__main__":
    run_alone(measure)
