"""The pages in a real browser: bytes of the first load, time until they can be used, and the list of 100,000 runs.

`python -m benchmarks.web_pages [--quick] [--json FILE]`. Bytes are those on the wire, packed, of everything that a page
asks for with an empty cache. A page can be used when its document is read and its scripts have run (DOMContentLoaded,
which waits for deferred scripts and modules). Left out, and told, where there is no browser.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import httpx
from playwright.sync_api import Browser, sync_playwright
from tests.e2e.harness import SECRET, Server, running_server
from tests.web.browsing import LAUNCH, find_chromium

from benchmarks.alone import Pace, run_alone
from benchmarks.list_runs import QUICK_RUNS, RUNS, filled_store
from benchmarks.percentiles import p50, p95
from benchmarks.tables import Measure
from headway.control.sessions import COOKIE

PAGES = {"home": "/ui/", "runs": "/ui/runs", "system": "/ui/system", "sessions": "/ui/sessions"}
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
GOAL_LIST_MS = 100.0
_REPEATS = 12


def measure(pace: Pace) -> list[Measure]:
    count = pace.choose(RUNS, QUICK_RUNS)
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        with filled_store(f"sqlite:///{folder / 'data' / 'headway.db'}", count):
            pass
        with running_server(folder) as server:
            found = measure_lists(server, count, pace.choose(_REPEATS, 4))
            chromium = find_chromium()
            if chromium is None:
                print("there is no chromium: what needs a browser is left out", file=sys.stderr)
                return found
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
                found += measure_pages(browser, server, pace.choose(7, 3))
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


def measure_pages(browser: Browser, server: Server, repeats: int) -> list[Measure]:
    token = sign_in(server)
    found = []
    for name, path in {"sign in": "/ui/sign-in", **PAGES}.items():
        loads = [load(browser, server, path, None if name == "sign in" else token) for _ in range(repeats)]
        kilobytes = median(size for size, _ in loads) / 1e3
        ready_ms = median(ready for _, ready in loads)
        found.append(
            Measure(f"first load of {name}", kilobytes, "kB", GOAL_KB, note=f"ready after {ready_ms:.0f} ms")
        )
    return found


def load(browser: Browser, server: Server, path: str, token: str | None) -> tuple[float, float]:
    """(bytes on the wire, ms until the page can be used) of one load with an empty cache."""
    context = browser.new_context(base_url=server.url)
    if token is not None:
        context.add_cookies([{"name": COOKIE, "value": token, "url": server.url}])
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


def sign_in(server: Server) -> str:
    """The token of a new session."""
    answer = httpx.post(f"{server.url}/ui/sign-in", data={"secret": SECRET})
    return answer.cookies[COOKIE]


def _time(client: httpx.Client, path: str) -> float:
    answer = client.get(path)
    answer.raise_for_status()
    return answer.elapsed.total_seconds()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    run_alone(measure)
