"""The list of runs in a real browser: filters in the address, several runs at once, the keyboard, fresh rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.harness import Server
from tests.web.browsing import PHONE, Visitor, find_barriers, is_too_wide, let_go, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="package")
def server(narrow: Server) -> Server:
    """One with a queue."""
    return narrow


def _name(server: Server, run_id: str, name: str, *tags: str) -> str:
    server.call("PATCH", f"/runs/{run_id}", json={"name": name, "tags": tags}).raise_for_status()
    return run_id


@pytest.fixture(scope="module")
def ended(server: Server) -> list[str]:
    """Three runs that are done; one has a name that means harm."""
    names = ("alpha", "beta", HOSTILE)
    return [_name(server, submit(server), name, "listed", name[0].strip("<") or "odd") for name in names]


@pytest.fixture
def busy(server: Server) -> Iterator[list[str]]:
    """A run that trains until it is told, and two that wait behind it; all have ended afterwards."""
    running = _name(server, submit(server, "until told", ended=False), "busy one", "busy")
    waiting = [
        _name(server, server.submit(notes="quick"), f"busy {word}", "busy") for word in ("two", "three")
    ]
    yield [running, *waiting]
    let_go(server, running)
    for run_id in (running, *waiting):
        _wait_for_end(server, run_id)


def _wait_for_end(server: Server, run_id: str) -> None:
    state = server.job(run_id)["state"]
    server.wait_for(run_id, "done") if state not in ("done", "cancelled") else None


def _rows(page: Page) -> list[str]:
    return [str(row.get_attribute("id")) for row in page.locator("#list tbody tr").all()]


def test_filters_are_in_the_address_and_back_and_forward_lead_through_them(
    visitor: Visitor, ended: list[str]
) -> None:
    page = visitor.open("/ui/runs")
    expect(page.locator(f"#{ended[0]}")).to_be_visible()

    page.get_by_label("Search").fill("alpha")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(f"{visitor.server.url}/ui/runs?text=alpha")
    page.get_by_label("Search").fill("")
    expect(page).to_have_url(f"{visitor.server.url}/ui/runs")
    page.get_by_label("Status", exact=True).select_option("failed")
    expect(page.get_by_text("No run matches.")).to_be_visible()
    expect(page).to_have_url(f"{visitor.server.url}/ui/runs?status=failed")

    page.go_back()
    page.go_back()
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.get_by_label("Search")).to_have_value("alpha")
    page.go_forward()
    page.go_forward()
    expect(page.get_by_label("Status", exact=True)).to_have_value("failed")
    page.get_by_role("link", name="All runs").click()
    expect(page.locator(f"#{ended[0]}")).to_be_visible()


def test_days_are_those_of_the_person_and_kept_in_the_address(
    browser: Browser, server: Server, ended: list[str]
) -> None:
    """Runs were created today, whatever day that is where the browser is."""
    with Visitor.arriving(browser, server, timezone_id="Pacific/Auckland") as visitor:
        page = visitor.open("/ui/runs?tag=listed")
        today = page.evaluate("new Intl.DateTimeFormat('sv').format(new Date())")
        page.get_by_label("From").fill(today)
        page.get_by_label("to", exact=True).fill(today)
        expect(page).to_have_url(re.compile("created_from=.*created_before="))
        expect(page.locator("#list tbody tr")).to_have_count(3)
        begin = page.evaluate("new Date(new Date().setHours(0, 0, 0, 0)).toISOString()")
        assert parse_qs(urlsplit(page.url).query)["created_from"] == [begin]
        page.get_by_label("to", exact=True).fill("2020-01-31")
        expect(page.get_by_text("No run matches.")).to_be_visible()

        page.reload()
        expect(page.get_by_label("From")).to_have_value(today)
        expect(page.get_by_label("to", exact=True)).to_have_value("2020-01-31")
        page.get_by_label("Created").select_option("24h")
        expect(page.get_by_label("From")).to_have_value("")
        page.get_by_role("link", name="All runs").click()
        expect(page.get_by_label("to", exact=True)).to_have_value("")
        expect(page).to_have_url(f"{server.url}/ui/runs")
        assert find_barriers(page) == []
        assert visitor.complaints == []


def test_a_metric_is_shown_and_sorted_by(visitor: Visitor, ended: list[str]) -> None:
    page = visitor.open("/ui/runs?tag=listed&metric=train%2Floss")
    expect(page.locator(f"#{ended[0]} .figure")).to_have_text("0.5000")

    page.get_by_role("link", name="train/loss").click()

    expect(page.get_by_role("columnheader", name="train/loss")).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile("sort=train%2Floss"))
    page.get_by_label("Metric to show").fill("sharpe")
    expect(page.locator(f"#{ended[0]} .figure")).to_have_text("1")
    expect(page).to_have_url(re.compile("sort=sharpe"))
    drawn = page.locator(f"#{ended[0]} .curve")
    drawn.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#list .curve').naturalWidth === 112")


def test_a_name_that_means_harm_stays_text(visitor: Visitor, ended: list[str]) -> None:
    page = visitor.open("/ui/runs?tag=listed")

    expect(page.locator(f"#{ended[2]} .run-link")).to_have_text(HOSTILE)
    assert page.locator("#list img[src=x]").count() == 0


def test_several_runs_are_tagged_exported_and_compared(visitor: Visitor, ended: list[str]) -> None:
    page = visitor.open("/ui/runs?tag=listed")
    page.get_by_label("Select alpha").check()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_label("Select beta").check()
    expect(page.locator("#picked")).to_have_text("2 runs selected")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Tag").last.fill("both")
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator(f"#{ended[0]} .tags")).to_contain_text("both")
    expect(page.locator(f"#{ended[2]} .tags")).not_to_contain_text("both")

    page.get_by_label("Select alpha").check()
    page.get_by_label("Select beta").check()
    with page.expect_download() as begun:
        page.get_by_role("link", name="Export", exact=True).click()
    text = begun.value.path().read_text()
    assert text.startswith("id,name,")
    assert len(text.splitlines()) == 3
    with page.expect_request(lambda request: "/ui/compare?ids=" in request.url) as asked:
        page.get_by_role("button", name="Compare").click()
    assert set(asked.value.url.partition("ids=")[2].split(",")) == set(ended[:2])
    visitor.complaints.clear()  # the page of comparisons is not looked at here


def test_several_runs_are_cancelled_after_the_dialog_has_said_how_many(
    visitor: Visitor, server: Server, busy: list[str], ended: list[str]
) -> None:
    page = visitor.open("/ui/runs")
    expect(page.locator(f"#{busy[0]} .standing")).to_contain_text("heartbeat")
    expect(page.locator(f"#{busy[1]} .standing")).to_contain_text("next to start")
    for run_id in (*busy, ended[0]):
        page.locator(f"#{run_id} .pick input").check()

    page.get_by_role("button", name="Cancel runs").click()

    expect(page.get_by_role("heading", name="Cancel 3 runs?")).to_be_visible()
    expect(page.get_by_text("1 of those selected has ended already.")).to_be_visible()
    page.get_by_role("button", name="Cancel all 3").click()
    expect(page.get_by_text("Asked to end: 3 runs.")).to_be_visible()
    for run_id in busy:
        expect(page.locator(f"#{run_id} .badge")).to_have_text("cancelled")
        assert server.job(run_id)["state"] == "cancelled"


def test_rows_stay_fresh_without_losing_selection_and_focus(
    visitor: Visitor, server: Server, busy: list[str]
) -> None:
    page = visitor.open("/ui/runs?tag=busy&status=pending")
    page.goto("/ui/runs")
    page.locator(f"#{busy[0]} .pick input").check()
    page.locator(f"#{busy[0]} .run-link").focus()

    let_go(server, busy[0])

    expect(page.locator(f"#{busy[0]} .badge")).to_have_text("completed")
    expect(page.locator(f"#{busy[0]} .pick input")).to_be_checked()
    expect(page.locator(f"#{busy[0]} .run-link")).to_be_focused()


def test_all_of_it_goes_by_the_keyboard(visitor: Visitor, ended: list[str]) -> None:
    page = visitor.open("/ui/runs?tag=listed")
    order = _rows(page)
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#{order[1]} .run-link")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("#picked")).to_have_text("2 runs selected")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("/")
    page.keyboard.type("jxk?")
    expect(page.get_by_label("Search")).to_have_value("jxk?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.get_by_label("Search").fill("alpha")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ui/runs/{ended[0]}")
    visitor.complaints.clear()  # the page of a run is not looked at here


def test_new_runs_are_told_and_shown_when_somebody_asks(visitor: Visitor, server: Server) -> None:
    page = visitor.open("/ui/runs")
    run_id = submit(server)
    page.get_by_role("link", name="1 new run").click()
    expect(page.locator(f"#{run_id}")).to_be_visible()
    expect(page.locator("#news")).to_be_empty()


def test_single_keys_can_be_switched_off(visitor: Visitor, ended: list[str]) -> None:
    page = visitor.open("/ui/runs?tag=listed")
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_label("Use single keys in this browser").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.closest('#list, #search')") is None
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it_in_either_light(
    browser: Browser, server: Server, ended: list[str], busy: list[str], scheme: str
) -> None:
    with Visitor.arriving(browser, server, color_scheme=scheme) as visitor:
        page = visitor.open("/ui/runs")
        page.locator(f"#{ended[0]} .pick input").check()
        assert find_barriers(page) == []
        page.get_by_role("button", name="Keyboard").click()
        assert find_barriers(page) == []
        assert visitor.complaints == []


def test_it_fits_a_phone(browser: Browser, server: Server, ended: list[str]) -> None:
    with Visitor.arriving(browser, server, viewport=PHONE) as visitor:
        for path in ("/ui/runs", "/ui/", "/ui/system", "/ui/sessions"):
            page = visitor.open(path)
            assert not is_too_wide(page), path
            assert find_barriers(page) == [], path
