"""Drafts of the builder: what becomes of them when pages, servers and sessions end, and when they are started twice."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

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


def test_after_an_answer_that_was_lost_a_changed_draft_starts_another_run(person: Visitor) -> None:
    page = open_step(person, "training", {"name": "lost"})

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/runs", lose, times=1)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#errors")).to_contain_text("The run may have started")
    assert len(runs_called(person.server, "lost")) == 1

    page.get_by_role("textbox", name="Notes").fill("another")
    start(page)

    assert sorted(run["notes"] for run in runs_called(person.server, "lost")) == ["", "another"]
    person.complaints[:] = [each for each in person.complaints if "net::ERR_FAILED" not in each]


def test_a_draft_that_was_started_otherwise_leads_to_that_run(person: Visitor) -> None:
    page = open_step(person, "training", {"name": "second"})
    expect(page.locator("#headline")).to_contain_text("parameters")
    key = page.evaluate("JSON.parse(localStorage.getItem('headway.draft.d1')).key")
    first = ask(
        person.server,
        "POST",
        "/runs",
        json={"config": TINY, "name": "first"},
        headers={"Idempotency-Key": key},
    )

    page.get_by_role("button", name="Start").click()

    link = page.locator("#errors").get_by_role("link", name="The run that was started")
    expect(link).to_have_attribute("href", f"/ui/runs/{first['id']}")
    expect(page.locator("#errors")).to_be_focused()
    start(page)
    assert len(runs_called(person.server, "second")) == 1
    person.complaints[:] = [each for each in person.complaints if "status of 409" not in each]


def test_only_drafts_in_which_something_was_done_are_kept(person: Visitor) -> None:
    page = person.open("/ui/new")
    page.reload()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    expect(page.locator("#draft-note")).to_be_empty()
    assert page.evaluate("Object.keys(localStorage).filter(each => each.startsWith('headway.draft.'))") == []


def test_a_summary_says_that_it_is_old_until_the_server_answers_again(person: Visitor) -> None:
    page = open_step(person, "training")
    expect(page.locator("#headline")).to_contain_text("parameters")
    page.route("**/ui/new/check", lambda route: route.abort())
    page.get_by_role("textbox", name="Notes").fill("x")
    expect(page.get_by_text("Not up to date: the server does not answer.")).to_be_visible()
    page.unroute("**/ui/new/check")
    expect(page.get_by_text("Not up to date")).to_be_hidden()
    person.complaints[:] = [each for each in person.complaints if "net::ERR_FAILED" not in each]
