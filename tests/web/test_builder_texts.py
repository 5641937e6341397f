"""The same run as YAML, curl and a command; and the builder for jobs of another kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.waiting import eventually
from tests.web.browsing import Visitor, find_barriers
from tests.web.building import ask, go_on, open_step, run_text, runs_called, start, texts_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_yaml_curl_and_command_make_the_same_run(person: Visitor, tmp_path: Path) -> None:
    notes = 'it\'s $HOME `here`\nEND\nof "it"'
    page = open_step(person, "training", {"name": "by hand; 'quoted' $(x)", "tags": ["a"], "notes": notes})
    texts = texts_of(page)
    (tmp_path / "run.yaml").write_text(texts["yaml"])
    run_text(person.server, f"TRAIN_API_HOST={person.server.url} headway runs create run.yaml", tmp_path)
    run_text(person.server, texts["cli"], tmp_path)
    run_text(person.server, texts["curl"], tmp_path)
    start(page)
    found = runs_called(person.server, "by hand; 'quoted' $(x)")
    runs = [ask(person.server, "GET", f"/runs/{each['id']}") for each in found]
    asked = [{name: run[name] for name in ("config", "resolved", "notes", "tags", "seed")} for run in runs]
    assert len(asked) == 4
    assert all(each == asked[0] for each in asked)
    assert asked[0]["notes"] == notes


def _hold_checks(page: Page) -> list[Route]:
    """What is asked of the server from now on: it waits."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/ui/new/check", hold)
    return held


def test_what_was_asked_of_an_older_draft_is_not_told_of_a_newer(person: Visitor) -> None:
    page = open_step(person, "training")
    page.get_by_text("As YAML, curl, command").click()
    yaml = page.locator('[data-text="yaml"]')
    expect(yaml).to_contain_text("seed: 7")
    held = _hold_checks(page)
    notes = page.get_by_role("textbox", name="Notes")
    with page.expect_request("**/ui/new/check"):
        notes.fill("first")
    notes.fill("second")
    with page.expect_response("**/ui/new/check"):
        held[0].continue_()
    expect(page.locator("#summary-content")).to_have_attribute("aria-busy", "true")
    expect(yaml).not_to_contain_text("first")
    eventually(lambda: page.evaluate("1") and len(held) > 1, what="the second is asked")
    held[1].continue_()
    expect(yaml).to_contain_text("second")
    expect(page.locator("#summary-content[aria-busy]")).to_have_count(0)


def test_what_is_copied_has_what_was_typed_just_before(person: Visitor) -> None:
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_step(person, "training")
    page.get_by_text("As YAML, curl, command").click()
    expect(page.locator('[data-text="yaml"]')).to_contain_text("seed: 7")
    page.evaluate(
        """() => {
          document.querySelector("#f-notes").value = "typed just before";
          document.querySelector("#f-notes").dispatchEvent(new Event("input", { bubbles: true }));
          document.querySelector("[data-copy=yaml]").click();
        }"""
    )
    expect(page.locator(".notice")).to_have_text("Copied.")
    assert "notes: typed just before" in page.evaluate("navigator.clipboard.readText()")


def test_a_ppo_job_is_built_by_the_same_builder(person: Visitor, tmp_path: Path) -> None:
    page = person.open("/ui/new?kind=ppo")
    expect(page.get_by_role("checkbox", name="BTC")).to_be_checked()
    for heading in ("Features", "Trading", "Training"):
        go_on(page, heading)
    page.get_by_role("textbox", name="Steps", exact=True).fill("0")
    page.get_by_role("textbox", name="Steps", exact=True).blur()
    expect(page.locator("#f-steps-fault")).to_contain_text("greater than or equal to 1")
    page.get_by_role("textbox", name="Steps", exact=True).fill("4096")
    page.get_by_role("textbox", name="Seed").fill("5")
    page.get_by_role("textbox", name="Notes").fill("it's ppo")
    expect(page.locator("#headline")).to_contain_text("15 min")
    texts = texts_of(page)
    assert find_barriers(page) == []
    run_text(person.server, texts["cli"], tmp_path)
    run_text(person.server, texts["curl"], tmp_path)
    start(page)
    jobs = [
        each
        for each in ask(person.server, "GET", "/api/training/jobs")["jobs"]
        if each["notes"] == "it's ppo"
    ]
    told = (
        "symbols",
        "features",
        "steps",
        "seed",
        "durationHours",
        "maxDurationHours",
        "maxCostUsd",
        "version",
    )
    assert len(jobs) == 3
    assert all({name: job[name] for name in told} == {name: jobs[0][name] for name in told} for job in jobs)
    resolved = [ask(person.server, "GET", f"/runs/{job['jobId']}")["resolved"] for job in jobs]
    assert all(each == resolved[0] for each in resolved)
