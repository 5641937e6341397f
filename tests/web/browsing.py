"""What a person with a browser does: signs in, opens pages, looks. Whatever goes wrong there is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from headway.wire.rundir import RunDir
from tests.e2e.harness import SECRET, Server

LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}
_AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_FILES_OF_RUNS = "/artifacts/"
_GRAVE = ("serious", "critical")
# What Chromium says of a server that is away is not said by our pages.
_NO_COMPLAINT = ("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET", "WebSocket connection to")


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Visitor:
    """A browser context that has signed in. `complaints`: errors, breaches of the policy, requests to elsewhere."""

    server: Server
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def arriving(cls, browser: Browser, server: Server, **options: Any) -> Iterator[Visitor]:
        """Signs in. Options are those of a context: `color_scheme`, `viewport`."""
        context = browser.new_context(**{"base_url": server.url, "viewport": WIDE, **options})
        context.set_default_timeout(30_000)
        visitor = cls(server, context)
        context.on("request", lambda request: visitor._note_elsewhere(request.url))
        page = visitor.open("/ui/sign-in?next=/ui/sign-in")
        page.get_by_label("Admin secret").fill(SECRET)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state()
        page.close()
        try:
            yield visitor
        finally:
            context.close()

    def open(self, path: str) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"{path}: {error}"))
        page.goto(path)
        return page

    def _note_console(self, message: ConsoleMessage) -> None:
        """What a file of a run says in its box is not said by our pages."""
        ours = _FILES_OF_RUNS not in message.location["url"]
        if message.type == "error" and ours and not any(part in message.text for part in _NO_COMPLAINT):
            self.complaints.append(message.text)

    def _note_elsewhere(self, url: str) -> None:
        if not url.startswith((self.server.url, "data:", "blob:", "about:")):
            self.complaints.append(f"a request to {url}")


def find_barriers(page: Page) -> list[str]:
    """Serious findings of axe, each with where it is."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_AXE.read_text())  # by the debugger, which no policy of the page stops
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in _GRAVE
        for node in each["nodes"]
    ]


def is_too_wide(page: Page) -> bool:
    """Whether the page has to be moved sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def submit(server: Server, behaviour: str = "quick", *, ended: bool = True) -> str:
    """A run that does what `tests.fakes.staged_engine` knows by that name; by default until it is done."""
    run_id = server.submit(notes=behaviour)
    server.wait_for(run_id, "done" if ended else "training")
    return run_id


def let_go(server: Server, run_id: str) -> None:
    """A run that trains until told is told."""
    RunDir(server.data_dir / "runs" / run_id).path.joinpath("go").touch()


def stop_following(page: Page) -> None:
    """Once something was written. By the keyboard: charts that come above move the box away under a pointer."""
    expect(page.locator("#console .line").first).to_be_attached()
    page.get_by_label("Follow").press("Space")
    expect(page.get_by_label("Follow")).not_to_be_checked()


def lines_seen(console: str) -> list[str]:
    """The lines of a log as a terminal leaves them: of a bar of progress the last it has shown."""
    return [line.rpartition("\r")[2] for line in console.rstrip("\n").split("\n")]


def read_console(page: Page) -> list[str]:
    """All lines, as somebody reads them who scrolls to the beginning and then down."""
    found: list[str] = page.evaluate(_SCROLLER)
    return found


_SCROLLER = """async () => {
  const box = document.getElementById("console");
  const drawn = async () => { for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame); };
  for (let height = 0, still = 0; still < 10; still = box.scrollHeight === height ? still + 1 : 0) {
    height = box.scrollHeight;
    box.scrollTop = 0;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  const lines = [];
  const total = Number(box.dataset.lines);
  for (let first = 0; first < total && lines.length < 5000; first += 35) {
    box.scrollTop = first * 20;
    await drawn();
    const from = Number(box.dataset.first);
    box.querySelectorAll(".line").forEach((element, at) => { lines[from + at] = element.textContent; });
  }
  return lines;
}"""
