"""The pages in a real browser: bytes of the first load, time until they can be used; long lists, long charts.

`python -m benchmarks.web_pages [--quick] [--json FILE]`. Bytes are those on the wire, packed, of everything that a page
asks for with an empty cache. A page can be used when its document is read and its scripts have run (DOMContentLoaded,
which waits for deferred scripts and modules). The chart of a million points is there when it is drawn. Left out, and
told, where there is no browser.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from tests.e2e.harness import Server, running_server
from tests.web.browsing import LAUNCH, find_chromium

from benchmarks.alone import Pace, run_alone
from benchmarks.drawn import CHARTS
from benchmarks.ingest import append_series
from benchmarks.list_runs import QUICK_RUNS, RUNS, filled_store
from benchmarks.percentiles import p50, p95
from benchmarks.serving import sign_in
from benchmarks.tables import Measure
from headway.control.sessions import COOKIE
from headway.domain.states import State
from headway.ports import RunFilter, Store

PAGES = {
    "home": "/ui/",
    "runs": "/ui/runs",
    "a run": "/ui/runs/{run}",
    "compare": "/ui/compare?ids={run},{other}",
    "new run": "/ui/new",
    "system": "/ui/system",
    "sessions": "/ui/sessions",
}
LISTS = {
    "newest first": "/ui/runs",
    "failed": "/ui/runs?status=failed",
    "of one symbol": "/ui/runs?symbol=ETH",
    "with a rare tag": "/ui/runs?tag=sweep%2F17",
    "by two words": "/ui/runs?text=halved+drop",
    "by a metric": "/ui/runs?sort=sharpe",
    "by name": "/ui/runs?sort=name&order=asc",
}
GOAL_KB = 100.0
GOAL_READY_MS = 200.0
GOAL_LIST_MS = 100.0
GOAL_CHART_MS = 1000.0
_REPEATS = 12
_MILLION = 1_000_000


def measure(pace: Pace) -> list[Measure]:
    count = pace.choose(RUNS, QUICK_RUNS)
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        points = pace.choose(_MILLION, _MILLION // 5)
        with filled_store(f"sqlite:///{folder / 'data' / 'headway.db'}", count) as store:
            runs = _pick_runs(store)
            append_series(store, runs["run"], "train/loss", points)
        with running_server(folder) as server:
            found = measure_lists(server, count, pace.choose(_REPEATS, 4))
            chromium = find_chromium()
            if chromium is None:
                print("there is no chromium: what needs a browser is left out", file=sys.stderr)
                return found
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
                loads = pace.choose(7, 3)
                found += measure_pages(browser, server, runs, loads)
                found.append(measure_chart(browser, server, runs["run"], points, loads))
                browser.close()
    return found


def measure_lists(server: Server, count: int, repeats: int) -> list[Measure]:
    """Wall time of an answer over a warm connection, and the processor time that the server took for it."""
    with httpx.Client(base_url=server.url, cookies={COOKIE: sign_in(server)}, timeout=60.0) as client:
        for path in LISTS.values():  # templates are read at the first use
            client.get(path).raise_for_status()
        times = {name: [_time(client, path) for _ in range(repeats)] for name, path in LISTS.items()}
        began_s = _cpu_s(server.pid)
        for path in LISTS.values():
            client.get(path).raise_for_status()
        cpu_ms = 1e3 * (_cpu_s(server.pid) - began_s) / len(LISTS)
    each = ", ".join(f"{name} {1e3 * p95(found):.0f}" for name, found in times.items())
    print(f"pages of {count:,} runs, p95 in ms: {each}", file=sys.stderr)
    everything = [seconds for found in times.values() for seconds in found]
    note = f"p50 {1e3 * p50(everything):.0f}; processor {cpu_ms:.0f} ms each"
    return [Measure(f"page of {count:,} runs, p95", 1e3 * p95(everything), "ms", GOAL_LIST_MS, note=note)]


def measure_pages(browser: Browser, server: Server, runs: dict[str, str], repeats: int) -> list[Measure]:
    token = sign_in(server)
    sizes, times = [], []
    for name, path in {"sign in": "/ui/sign-in", **PAGES}.items():
        address = path.format(**runs)
        loads = [load(browser, server, address, None if name == "sign in" else token) for _ in range(repeats)]
        kilobytes = median(size for size, _ in loads) / 1e3
        ready = [each for _, each in loads]
        sizes.append(Measure(f"first load of {name}", kilobytes, "kB", GOAL_KB))
        note = f"at most {max(ready):.0f}"
        times.append(Measure(f"{name} can be used, p50", median(ready), "ms", GOAL_READY_MS, note=note))
    return sizes + times


def measure_chart(browser: Browser, server: Server, run_id: str, points: int, repeats: int) -> Measure:
    """From the address of a run to its chart, drawn, with an empty cache."""
    token = sign_in(server)
    times = [_time_chart(browser, server, token, run_id) for _ in range(repeats)]
    note = f"thinned by the server, extremes kept; at most {max(times):.0f}"
    return Measure(
        f"chart of {points:,} points on its page, p50", median(times), "ms", GOAL_CHART_MS, note=note
    )


def _time_chart(browser: Browser, server: Server, token: str, run_id: str) -> float:
    context = _signed_in(browser, server, token)
    context.add_init_script(CHARTS)
    page = context.new_page()
    page.goto(f"/ui/runs/{run_id}")
    page.locator(".chart").first.scroll_into_view_if_needed()
    page.wait_for_function("() => window.drawn.some(([, points]) => points > 100)")
    drawn_ms = page.evaluate(
        "() => window.drawn.find(([, points]) => points > 100)[2] - performance.timeOrigin"
    )
    context.close()
    return float(drawn_ms)


def _signed_in(browser: Browser, server: Server, token: str | None) -> BrowserContext:
    context = browser.new_context(base_url=server.url)
    if token is not None:
        context.add_cookies([{"name": COOKIE, "value": token, "url": server.url}])
    return context


def _pick_runs(store: Store) -> dict[str, str]:
    """Two that are done."""
    asked = RunFilter(states=frozenset({State.DONE}), engines=frozenset({"ppo"}))
    first, second, *_ = store.read(lambda tx: tx.list_runs(asked)).runs
    return {"run": first.id, "other": second.id}


def load(browser: Browser, server: Server, path: str, token: str | None) -> tuple[float, float]:
    """(bytes on the wire, ms until the page can be used) of one load with an empty cache."""
    context = _signed_in(browser, server, token)
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    size, ready_ms = page.evaluate(
        """() => {
            const [document] = performance.getEntriesByType("navigation");
            const all = [document, ...performance.getEntriesByType("resource")];
            const size = all.reduce((sum, entry) => sum + entry.transferSize, 0);
            return [size, document.domContentLoadedEventEnd];
        }"""
    )
    context.close()
    return float(size), float(ready_ms)


def _time(client: httpx.Client, path: str) -> float:
    answer = client.get(path)
    answer.raise_for_status()
    return answer.elapsed.total_seconds()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    run_alone(measure)
