"""Signing in, with a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.harness import SECRET, Server
from tests.web.browsing import (
    Visitor,
    find_barriers,
    let_go,
    lines_seen,
    read_console,
    stop_following,
    submit,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_a_stranger_is_sent_to_sign_in_and_brought_back(visitor: Visitor) -> None:
    stranger = visitor.context.browser.new_context(base_url=visitor.server.url)  # type: ignore[union-attr]
    page = stranger.new_page()
    page.goto("/ui/compare?ids=a,b")
    assert page.url.endswith("/ui/sign-in?next=%2Fui%2Fcompare%3Fids%3Da%2Cb")
    assert find_barriers(page) == []
    page.get_by_label("Admin secret").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("That is not the secret of this server.").wait_for()
    stranger.close()


def test_another_browser_is_signed_out_and_its_page_says_so(visitor: Visitor) -> None:
    with Visitor.arriving(visitor.context.browser, visitor.server, user_agent="Firefox/140 Linux") as other:  # type: ignore[arg-type]
        elsewhere = other.open("/ui/runs")
        elsewhere.get_by_label("Search").fill("anything")
        elsewhere.get_by_text("No run matches.").wait_for()
        page = visitor.open("/ui/sessions")
        assert find_barriers(page) == []
        page.get_by_role("row", name="Firefox on Linux").get_by_role("button", name="Sign out").click()
        page.get_by_role("row", name="Firefox on Linux").wait_for(state="detached")

        elsewhere.get_by_role("heading", name="Your session has ended").wait_for()
        assert elsewhere.get_by_label("Search").input_value() == "anything"


def test_a_live_page_says_when_its_session_ends_and_goes_on_after_signing_in_again(
    visitor: Visitor, server: Server
) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.same = true")
    elsewhere = visitor.open("/ui/sessions")
    elsewhere.get_by_role("button", name="Sign out everywhere").click()
    elsewhere.wait_for_url("**/ui/sign-in")

    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    expect(page.locator("#live")).to_have_text("Signed out")
    let_go(server, run_id)
    server.wait_for(run_id, "done")
    elsewhere.get_by_label("Admin secret").fill(SECRET)
    elsewhere.get_by_role("button", name="Sign in").click()
    elsewhere.wait_for_url("**/ui/")
    page.bring_to_front()
    page.evaluate("dispatchEvent(new Event('focus'))")  # as when somebody comes back to the window

    expect(dialog).to_be_hidden()
    expect(page.locator(".badge")).to_have_text("completed")
    stop_following(page)
    console = server.run_dir(run_id).attempt(1).console.read_bytes().decode()
    seen = lines_seen(console)
    assert [line for line in read_console(page) if line in seen] == seen
    assert page.evaluate("window.same")
    visitor.complaints[:] = [each for each in visitor.complaints if "status of 401" not in each]


def test_who_does_not_want_to_sign_in_again_reads_on(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#console .line").last).to_contain_text("line")
    elsewhere = visitor.open("/ui/sessions")
    elsewhere.get_by_role("button", name="Sign out everywhere").click()
    elsewhere.wait_for_url("**/ui/sign-in")
    page.bring_to_front()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_role("button", name="Close").click()

    with page.expect_response(f"**/ui/runs/{run_id}") as asked:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when somebody comes back
    assert asked.value.status == 401

    expect(page.locator("#live")).to_have_text("Signed out")
    expect(dialog).to_have_count(0)
    expect(page.locator("#console .line").last).to_be_visible()
    page.locator("#values summary").click()
    expect(page.locator("#values tbody tr")).to_have_count(3)
    assert find_barriers(page) == []
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(dialog).to_be_visible()  # who does something is asked again
    let_go(server, run_id)
    visitor.complaints[:] = [each for each in visitor.complaints if "status of 401" not in each]


def test_signing_out_leads_to_the_form_and_nothing_else_is_shown(visitor: Visitor) -> None:
    page = visitor.open("/ui/")
    page.get_by_label("Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/ui/sign-in")
    page.goto("/ui/runs")
    assert page.url.endswith("/ui/sign-in?next=%2Fui%2Fruns")
