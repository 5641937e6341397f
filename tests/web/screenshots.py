"""Pictures of every page, light, dark and on a phone, of a real server with real small runs.

`python -m tests.web.screenshots [NAME …] [--out FOLDER]`; docs/images by default. A new page is a line of PAGES.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.harness import Server, running_server
from tests.web.browsing import LAUNCH, PHONE, WIDE, Visitor, find_chromium

ROOT = Path(__file__).parents[2]
# Name and path. `{done}`, `{failed}` and `{running}` stand for runs of that kind, `{done}` for one of two.
PAGES = (
    ("home", "/ui/"),
    ("runs", "/ui/runs"),
    ("run", "/ui/runs/{done}"),
    ("run-result", "/ui/runs/{done}#outcome"),
    ("run-live", "/ui/runs/{running}"),
    ("run-failed", "/ui/runs/{failed}"),
    ("compare", "/ui/compare?ids={done},{other}"),
    ("new", "/ui/new"),
    ("system", "/ui/system"),
    ("sessions", "/ui/sessions"),
)
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True},
}
_SETTLE_MS = 1500
_PACKAGED = {"timeframe": "1d", "features": ["price", "volume", "calendar"]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.web.screenshots")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(name for name, _ in PAGES))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    wanted = [page for page in PAGES if not chosen.names or page[0] in chosen.names]
    settings = {"HEADWAY_SYMBOLS": "SP500,NASDAQ,BTC"}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH)
        with running_server(Path(folder), **settings) as server:
            take_alone(browser, server, chosen.out)
            runs = fill(server)
            for look, options in LOOKS.items():
                take(
                    browser,
                    server,
                    {f"{name}-{look}": path.format(**runs) for name, path in wanted},
                    options,
                    chosen.out,
                )
        browser.close()


def take_alone(browser: Browser, server: Server, out: Path) -> None:
    """What an empty server shows, and the page before it."""
    for look, options in LOOKS.items():
        stranger = browser.new_context(base_url=server.url, **options)
        page = stranger.new_page()
        page.goto("/ui/sign-in")
        page.screenshot(path=out / f"sign-in-{look}.png")
        stranger.close()
        take(browser, server, {f"empty-{look}": "/ui/"}, options, out)


def take(browser: Browser, server: Server, pages: dict[str, str], options: dict[str, Any], out: Path) -> None:
    with Visitor.arriving(browser, server, **options) as visitor:
        for name, path in pages.items():
            page = visitor.open(path)
            page.wait_for_timeout(
                _SETTLE_MS
            )  # pictures of things that move: there is nothing else to wait for
            page.screenshot(path=out / f"{name}.png")
            page.close()
            print(f"{name}: {path}")
        print("\n".join(visitor.complaints))


def fill(server: Server) -> dict[str, str]:
    """Runs of every fate: two done, one failed, one cancelled, one that runs, two that wait."""
    done = train(server, "SP500 baseline", ["baseline"], symbols=["SP500"], steps=120_000)
    other = train(server, "SP500 and NASDAQ, no shorts", ["long-only"], steps=120_000, allowShort=False)
    server.wait_for(other, "done")
    server.data_dir.joinpath("candles", "BTCUSDT_1h.csv").write_text(_broken_candles())
    failed = train(server, "Bitcoin, first try", symbols=["BTC"], timeframe="1h", steps=60_000)
    running = train(
        server, "NASDAQ, a long one", ["nightly", "baseline"], symbols=["NASDAQ"], steps=40_000_000
    )
    waiting = [train(server, f"Seed {seed}", ["sweep/seeds"], steps=120_000, seed=seed) for seed in (1, 2, 3)]
    server.cancel(waiting[0])
    server.wait_for_steps(running, 100_000)
    return {"done": done, "other": other, "failed": failed, "running": running}


def train(server: Server, name: str, tags: list[str] | None = None, **body: Any) -> str:
    run_id = server.submit(**{**_PACKAGED, "symbols": ["SP500", "NASDAQ"], **body})
    label = {"name": name, "tags": tags or []}
    server.call("PATCH", f"/runs/{run_id}", json=label).raise_for_status()
    return run_id


def _broken_candles() -> str:
    """Hourly bars with one whose low is above its high."""
    rows = [f"{1_700_000_000_000 + 3_600_000 * n},100,101,99,100,5" for n in range(800)]
    rows[400] = rows[400].replace(",101,99,", ",99,101,")
    return "\n".join(("timestamp,open,high,low,close,volume", *rows)) + "\n"


if __name__ == "__main__":
    main()
