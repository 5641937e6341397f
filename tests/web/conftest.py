"""A real server, a real browser that has signed in, and a quick run to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from headway.web.assets import Assets
from tests.e2e.harness import Server, running_server
from tests.web.browsing import LAUNCH, Visitor, find_chromium

expect.set_options(timeout=30_000)  # a machine may be busy

# Playwright's loop runs in this thread until the browser is closed: it is closed with the last test of this folder, so
# that tests elsewhere may run loops of their own.


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests of the pages."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: there is no chromium here (Debian: apt-get install chromium)")
    if not Assets().complete:
        pytest.skip("static/vendor is not complete: run .venv/bin/python tools/vendor.py")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=LAUNCH)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server whose trainings are those of `tests.fakes.staged_engine`."""
    folder: Path = tmp_path_factory.mktemp("pages")
    with running_server(folder, module="tests.fakes.staged_server", HEADWAY_CPU_SLOTS="8") as started:
        yield started


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A browser that has signed in; at the end it must have obeyed our policy and asked nobody else for anything."""
    with Visitor.arriving(browser, server) as arrived:
        yield arrived
        assert arrived.complaints == []


@pytest.fixture(scope="package")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with one slot: what is submitted second waits."""
    folder = tmp_path_factory.mktemp("one-slot")
    with running_server(folder, module="tests.fakes.staged_server", HEADWAY_CPU_SLOTS="1") as started:
        yield started


@pytest.fixture(scope="package")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the engines as they are; tests of drafts kill it and start it again."""
    with running_server(tmp_path_factory.mktemp("builder")) as started:
        yield started


@pytest.fixture
def person(browser: Browser, trainer: Server) -> Iterator[Visitor]:
    """Somebody who has signed in. The page of a run has tests of its own: here it is a blank one."""
    with Visitor.arriving(browser, trainer) as arrived:
        arrived.context.route("**/ui/runs/*", lambda route: route.fulfill(body="the page of a run"))
        yield arrived
        assert arrived.complaints == []
