"""Drafts of the builder: what becomes of them when pages, servers and sessions end, and when they are started twice."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.harness import SECRET
from tests.web.browsing import Visitor
from tests.web.building import TINY, ask, open_step, runs_called, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_draft_survives_reload_kill_and_restart(person: Visitor) -> None:
    page = open_step(person, "training")
    page.get_by_role("textbox", name="Name").fill("kept")
    page.reload()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("kept")
    person.server.kill()
    page.get_by_role("textbox", name="Notes").fill("typed while it was away")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#errors")).to_be_visible()
    person.server.start()
    page.reload()
    expect(page.get_by_role("textbox", name="Notes")).to_have_value("typed while it was away")
    run_id = start(page)
    run = ask(person.server, "GET", f"/runs/{run_id}")
    assert (run["name"], run["notes"]) == ("kept", "typed while it was away")


def test_an_ended_session_costs_nothing_that_was_typed(person: Visitor) -> None:
    page = open_step(person, "training")
    page.get_by_role("textbox", name="Name").fill("after a pause")
    expect(page.locator("#headline")).to_contain_text("parameters")
    person.context.clear_cookies()
    page.get_by_role("button", name="Start").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your session has ended")
    other = person.open("/ui/sign-in?next=/ui/new")
    other.get_by_label("Admin secret").fill(SECRET)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("heading", name="New run").wait_for()
    page.evaluate("dispatchEvent(new Event('focus'))")  # as when somebody comes back to the tab
    expect(dialog).to_be_hidden()
    start(page)
    assert len(runs_called(person.server, "after a pause")) == 1
    refused = ("status of 401", "status of 403")  # the browser logs them
    person.complaints[:] = [each for each in person.complaints if not any(part in each for part in refused)]


def test_two_clicks_and_a_second_start_make_one_run(person: Visitor) -> None:
    page = open_step(person, "training", {"name": "once"})
    expect(page.locator("#headline")).to_contain_text("parameters")
    page.evaluate("for (let k = 0; k < 3; k++) document.getElementById('start').click()")
    page.wait_for_url("**/ui/runs/*")
    first = page.url
    page.goto("/ui/new?kind=forecast&draft=d1&step=training")
    expect(page.locator("#draft-note")).to_contain_text("Started as")
    assert page.url != first
    start(page)
    assert page.url == first
    assert len(runs_called(person.server, "once")) == 1
    page.goto("/ui/new?kind=forecast&draft=d1&step=training")
    page.get_by_role("textbox", name="Notes").fill("another")
    start(page)
    assert len(runs_called(person.server, "once")) == 2


def test_a_run_is_cloned_and_edited(person: Visitor) -> None:
    config = {
        **TINY,
        "features": ["RSI", "ADX"],
        "loss_weights": {"long": 0.5},
        "overrides": {"training": {"patience": 3}, "features.per_timeframe": {"1h": ["CCI"]}},
    }
    old = ask(
        person.server,
        "POST",
        "/runs",
        json={"config": config, "name": "old", "tags": ["a", "b"], "notes": "of it"},
    )["id"]
    page = person.open(f"/ui/new?from={old}&step=training")
    expect(page.get_by_text(f"A copy of {old}")).to_be_visible()
    expect(page.get_by_role("textbox", name="Tags")).to_have_value("a, b")
    page.get_by_role("textbox", name="Name").fill("new")
    page.get_by_role("textbox", name="Batch size").fill("16")
    run = ask(person.server, "GET", f"/runs/{start(page)}")
    expected = ask(person.server, "GET", f"/runs/{old}")["resolved"]
    expected["training"]["batch_size"] = 16
    assert run["resolved"] == expected
    assert (run["name"], run["tags"], run["notes"], run["seed"]) == ("new", ["a", "b"], "of it", 7)
