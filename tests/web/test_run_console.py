"""The console of a run: a hundred thousand lines, the search over all of them, levels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.harness import Server
from tests.web.browsing import PHONE, Visitor, is_too_wide, let_go, read_console, stop_following, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

FIRST = "UserWarning: the first of many lines"


@pytest.fixture(scope="module")
def printed(server: Server) -> str:
    """A run that has printed a hundred thousand lines, the first of which is a warning."""
    return submit(server, "print much")


def test_the_whole_log_is_searched_and_downloaded(visitor: Visitor, printed: str) -> None:
    page = visitor.open(f"/ui/runs/{printed}")
    expect(page.locator("#console .line").last).to_have_text("line 100000")
    page.get_by_role("searchbox").fill("line 4242")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#console-found")).to_have_text("11 lines")  # 4242, and 42420 to 42429
    expect(page.locator("#console .line").first).to_have_text("line 4242")
    page.get_by_role("searchbox").fill("")
    stop_following(page)
    assert read_console(page)[0] == FIRST
    assert page.locator("#console .line").count() < 200
    with page.expect_download() as caught:
        page.locator("#console-download").click()
    assert len(Path(caught.value.path()).read_text().splitlines()) == 100_001


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}], ids=["wide", "phone"])
def test_a_line_without_end_is_scrolled_in_its_box(
    browser: Browser, server: Server, options: dict[str, Any]
) -> None:
    run_id = submit(server)
    with server.run_dir(run_id).attempt(1).console.open("a") as file:
        file.write(f"{'x' * 10_000}\nbehind it\n")
    with Visitor.arriving(browser, server, **options) as visitor:
        page = visitor.open(f"/ui/runs/{run_id}")
        expect(page.locator("#console .line").last).to_have_text("behind it")
        box = page.locator("#console")
        assert box.evaluate("box => box.scrollWidth > 10 * box.clientWidth")
        assert box.evaluate("box => { box.scrollLeft = 1e6; return box.scrollLeft > 0; }")
        assert box.evaluate("box => box.clientWidth <= document.documentElement.clientWidth")
        assert not is_too_wide(page)


def test_levels_are_looked_for_in_the_whole_log(visitor: Visitor, printed: str) -> None:
    page = visitor.open(f"/ui/runs/{printed}")
    expect(page.locator("#console .line").last).to_have_text("line 100000")

    page.get_by_label("Level").select_option("warnings and errors")
    expect(page.locator("#console .line")).to_have_text([FIRST])
    expect(page.locator("#console .line")).to_have_attribute("data-level", "warning")
    page.get_by_label("Level").select_option("errors")
    expect(page.locator("#console .line")).to_have_count(0)
    expect(page.get_by_text("No line is like that.")).to_be_visible()

    page.get_by_label("Level").select_option("all")
    expect(page.locator("#console .line").last).to_have_text("line 100000")


def test_a_level_holds_for_lines_that_are_found_and_lines_that_come(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.get_by_label("Level").select_option("errors")
    expect(page.locator("#console .line")).to_have_text(["2026-01-01 ERROR a line that is an error"])
    page.get_by_label("Level").select_option("warnings and errors")
    expect(page.locator("#console .line")).to_have_count(2)
    page.get_by_role("searchbox").fill("line")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#console-found")).to_contain_text("lines")
    expect(page.locator("#console .line")).to_have_count(2)
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    expect(page.locator("#console .line")).to_have_count(2)


def test_a_bar_of_progress_is_one_line_as_it_comes_and_when_it_is_found_later(
    visitor: Visitor, server: Server
) -> None:
    run_id = submit(server, "talk", ended=False)
    watching = visitor.open(f"/ui/runs/{run_id}")
    let_go(server, run_id)
    expect(watching.locator(".badge")).to_have_text("completed")
    for page in (watching, visitor.open(f"/ui/runs/{run_id}")):
        page.bring_to_front()
        expect(page.locator("#live")).to_have_text("")
        expect(page.locator("#console .line").last).to_have_text(re.compile("line [0-9]+"))
        stop_following(page)
        bars = [line for line in read_console(page) if line.startswith("bar")]
        assert bars == ["bar 100%|##########|"]
        page.get_by_role("searchbox").fill("bar  42%")
        page.get_by_role("searchbox").press("Enter")
        expect(page.locator("#console-found")).to_have_text("1 line")
        expect(page.locator("#console .line").first).to_have_text("bar  42%|####      |")
