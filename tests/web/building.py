"""What a person does in the builder, and what the server has of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.harness import SECRET, Server
from tests.web.browsing import Visitor

HOSTILE = '<img src=x onerror="alert(1)"></script><b>bold</b>'
TINY = {
    "data_source": "BTCUSDT_1h.csv",
    "timeframes": ["1h"],
    "variant": "tiny",
    "max_epochs": 1,
    "short_horizon": "4h",
    "long_horizon": "2d",
    "seed": 7,
}


def ask(server: Server, method: str, path: str, **arguments: Any) -> Any:
    answer = server.call(method, path, **arguments)
    assert answer.is_success, answer.text
    return answer.json()


def runs_called(server: Server, name: str) -> list[dict[str, Any]]:
    found = ask(server, "GET", "/runs", params={"limit": 200})["runs"]
    return [run for run in found if run["name"] == name]


def choose_candles(page: Page) -> None:
    page.get_by_role("radio", name="BTCUSDT_1h.csv").check()
    expect(page.get_by_role("checkbox", name="1h", exact=True)).to_be_checked()


def go_on(page: Page, heading: str) -> None:
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_focused()


def open_step(person: Visitor, step: str, request: dict[str, Any] | None = None) -> Page:
    """A draft of a tiny run, opened at a step."""
    page = person.open("/ui/new")
    draft = {
        "id": "d1",
        "kind": "forecast",
        "key": os.urandom(8).hex(),
        "request": {"config": dict(TINY), **(request or {})},
    }
    page.evaluate("draft => localStorage.setItem('headway.draft.d1', draft)", json.dumps(draft))
    page.goto(f"/ui/new?kind=forecast&draft=d1&step={step}")
    return page


def start(page: Page) -> str:
    """The id of what was started."""
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/ui/runs/*")
    return page.url.rpartition("/")[2]


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until an element has the focus."""
    wanted = page.get_by_role(role, name=name, exact=role != "radio").first  # type: ignore[arg-type]
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never comes to {name}")


def run_text(server: Server, text: str, folder: Path) -> None:
    """Do what a person does who pastes it into a shell."""
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "ADMIN_SECRET": SECRET,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HEADWAY_DATA_DIR": str(server.data_dir),
    }
    done = subprocess.run(
        ["bash", "-c", text],
        check=False,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


def texts_of(page: Page) -> dict[str, str]:
    """Of the draft as it is now."""
    page.get_by_text("As YAML, curl, command").click()
    expect(page.locator("#summary-content[aria-busy]")).to_have_count(0)
    expect(page.locator('[data-text="cli"]')).to_be_visible()
    return {name: page.locator(f'[data-text="{name}"]').inner_text() for name in ("yaml", "curl", "cli")}
