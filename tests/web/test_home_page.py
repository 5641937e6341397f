"""The first page, the queue and the browsers that are signed in, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.harness import Server, running_server
from tests.web.browsing import Visitor, find_barriers, let_go, submit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="package")
def server(narrow: Server) -> Server:
    """One with a queue."""
    return narrow


def test_what_runs_is_shown_until_it_ends_and_then_as_new(visitor: Visitor, server: Server) -> None:
    submit(server)
    running = submit(server, "until told", ended=False)
    page = visitor.open("/ui/")
    card = page.locator(".now-card").filter(has_text=running)
    expect(card.get_by_text("running")).to_be_visible()
    expect(card.locator(".figure")).to_be_visible()
    assert find_barriers(page) == []
    page.evaluate("localStorage.setItem('headway.looked-at', JSON.stringify({ seen: Date.now() - 120000 }))")
    page.reload()

    let_go(server, running)

    row = page.locator("tr.is-new").filter(has_text=running)
    expect(row.get_by_text("completed")).to_be_visible()
    expect(page.get_by_text("since you last looked")).to_be_visible()


def test_an_empty_server_explains_itself_and_runs_its_demo(browser: Browser, tmp_path: Path) -> None:
    with (
        running_server(tmp_path, HEADWAY_CPU_SLOTS="1") as fresh,
        Visitor.arriving(browser, fresh) as visitor,
    ):
        page = visitor.open("/ui/")
        expect(page.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
        expect(page.locator(".welcome")).to_contain_text(str(fresh.data_dir / "candles"))
        assert find_barriers(page) == []
        page.get_by_role("button", name="Run the demo").click()
        page.wait_for_url("**/ui/runs/*")
        expect(page.locator(".tag")).to_have_text(["demo"])
        fresh.cancel(page.url.rpartition("/")[2])
        assert visitor.complaints == []


def test_the_queue_is_shown_in_its_order(visitor: Visitor, server: Server) -> None:
    running = submit(server, "until told", ended=False)
    waiting = [server.submit(notes="quick") for _ in range(2)]
    page = visitor.open("/ui/system")

    expect(page.locator("tr").filter(has_text=running)).to_contain_text("CPU 0")
    shown = page.locator("section", has=page.get_by_role("heading", name="Waiting")).locator("tbody tr")
    expect(shown).to_have_count(2)
    assert [waiting[index] in str(shown.nth(index).text_content()) for index in range(2)] == [True, True]
    assert find_barriers(page) == []
    let_go(server, running)
    expect(shown).to_have_count(0)
    for run_id in waiting:
        server.wait_for(run_id, "done")


def test_who_is_at_a_link_stays_there_while_the_page_goes_on(visitor: Visitor, server: Server) -> None:
    running = submit(server, "until told", ended=False)
    page = visitor.open("/ui/")
    page.locator(".now-card").get_by_role("link", name=running).focus()

    let_go(server, running)

    row = page.locator("tr").filter(has_text=running)
    expect(row).to_be_visible()
    expect(row.get_by_role("link", name=running)).to_be_focused()


def test_a_page_says_since_when_it_is_old(visitor: Visitor) -> None:
    page = visitor.open("/ui/system")
    expect(page.locator("#stale")).to_be_hidden()
    page.route("**/ui/system", lambda route: route.abort())
    expect(page.get_by_text("Not up to date since")).to_be_visible()
    page.unroute("**/ui/system")
    expect(page.locator("#stale")).to_be_hidden()
    visitor.complaints[:] = [each for each in visitor.complaints if "net::ERR_FAILED" not in each]
