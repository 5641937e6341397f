"""The builder, with a real browser, a real server and real candles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.harness import SECRET, Server, running_server
from tests.fakes.candles import write_candles
from tests.waiting import eventually
from tests.web.browsing import PHONE, Visitor, find_barriers, is_too_wide

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

expect.set_options(timeout=30_000)

FORECAST_STEPS = ["Data", "Features", "Horizons", "Model", "Loss", "Training"]
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


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the engines as they are; these tests kill it and start it again."""
    with running_server(tmp_path_factory.mktemp("builder")) as started:
        yield started


@pytest.fixture
def person(browser: Browser, trainer: Server) -> Iterator[Visitor]:
    """Somebody who has signed in. The page of a run has tests of its own: here it is a blank one."""
    with Visitor.arriving(browser, trainer) as arrived:
        arrived.context.route("**/ui/runs/*", lambda route: route.fulfill(body="the page of a run"))
        yield arrived
        assert arrived.complaints == []


def ask(server: Server, method: str, path: str, **arguments: Any) -> Any:
    answer = httpx.request(
        method, f"{server.url}{path}", headers={"x-admin-secret": SECRET}, timeout=30, **arguments
    )
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


def test_a_run_is_built_by_keyboard_alone_and_trains_to_its_end(person: Visitor) -> None:
    page = person.open("/ui/new")
    tab_to(page, "radio", "BTCUSDT_1h.csv")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="1h", exact=True)).to_be_checked()
    for heading in ("Features", "Horizons", "Model"):
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name="Tiny")).to_be_checked()
    for heading in ("Loss", "Training"):
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_focused()
    tab_to(page, "textbox", "Epochs at most")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1")
    tab_to(page, "textbox", "Name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/runs/*")
    run_id = page.url.rpartition("/")[2]

    def is_over() -> dict[str, Any] | None:
        found: dict[str, Any] = ask(person.server, "GET", f"/runs/{run_id}")
        return found if found["status"] not in ("pending", "running") else None

    run = eventually(is_over, what="the run is over")
    assert run["status"] == "completed", run["error"]
    assert run["config"] == {
        "data_source": "BTCUSDT_1h.csv",
        "timeframes": ["1h"],
        "variant": "tiny",
        "max_epochs": 1,
    }


def test_faults_are_the_servers_and_stand_beside_their_fields(person: Visitor) -> None:
    page = open_step(person, "model")
    width = page.get_by_role("textbox", name="Width")
    for typed, told in (
        ("wide", "Input should be a valid integer"),
        ("4", "greater than or equal to 8"),
        ("33", "must be even"),
    ):
        width.fill(typed)
        width.blur()
        fault = page.locator("#f-config-d_model-fault")
        expect(fault).to_contain_text(told)
        expect(width).to_have_attribute("aria-invalid", "true")
        assert "f-config-d_model-fault" in str(width.get_attribute("aria-describedby"))
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#errors")).to_be_focused()
    assert find_barriers(page) == []
    page.get_by_role("link", name="Width: d_model").click()
    expect(width).to_be_focused()
    width.fill("64")
    expect(page.locator("#f-config-d_model-fault")).to_be_hidden()
    expect(page.get_by_text("Tiny: 32")).to_be_visible()
    page.get_by_role("button", name="Use the preset's values").click()
    expect(width).to_have_value("32")


def test_limits_of_the_server_are_told_with_their_remedy(person: Visitor) -> None:
    page = open_step(person, "training")
    hours = page.get_by_role("textbox", name="Hours at most")
    hours.fill("1000")
    hours.blur()
    expect(page.locator("#f-config-max_hours-fault")).to_contain_text("HEADWAY_MAX_HOURS")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#errors")).to_be_focused()
    assert "/ui/new" in page.url


def test_nothing_is_refused_before_it_was_asked_for(person: Visitor) -> None:
    page = person.open("/ui/new")
    expect(page.locator("#summary-content")).to_contain_text("once its fields are filled in")
    expect(page.locator("[data-fault]:visible")).to_have_count(0)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#errors")).to_contain_text("Candles: Needed.")


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


def test_back_forward_and_deep_links_find_their_step(person: Visitor) -> None:
    page = person.open("/ui/new")
    choose_candles(page)
    go_on(page, "Features")
    go_on(page, "Horizons")
    page.go_back()
    expect(page.get_by_role("heading", name="Features", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("radio", name="BTCUSDT_1h.csv")).to_be_checked()
    page.go_forward()
    expect(page.locator('[aria-current="step"]')).to_have_text("Features (done)")
    page.goto(page.url.replace("step=features", "step=loss"))
    expect(page.get_by_role("heading", name="Loss", exact=True)).to_be_visible()
    page.goto("/ui/new?draft=of-another-browser&step=model")
    expect(page.get_by_text("That draft is not in this browser")).to_be_visible()


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


def test_overrides_and_indicators_of_a_timeframe_are_sent(person: Visitor) -> None:
    page = open_step(person, "features")
    page.get_by_text("Other indicators for one timeframe").click()
    page.get_by_role("checkbox", name="Its own indicators for 1h").check()
    page.locator("[data-own-list]").get_by_role("checkbox", name="CCI").check()
    page.get_by_role("checkbox", name="RSI").first.uncheck()
    page.get_by_role("checkbox", name="Use calendar features").uncheck()
    go_on(page, "Horizons")
    page.get_by_role("link", name="Training").click()
    page.get_by_text("Anything else").click()
    page.get_by_role("button", name="Add an override").click()
    page.get_by_label("Key").fill("training.patiense")
    page.get_by_label("Value").fill("4")
    page.get_by_label("Value").blur()
    expect(page.locator("#f-config-overrides-fault")).to_contain_text("training.patience")
    page.get_by_label("Key").fill("training.patience")
    expect(page.locator("#f-config-overrides-fault")).to_be_hidden()
    resolved = ask(person.server, "GET", f"/runs/{start(page)}")["resolved"]
    assert resolved["training"]["patience"] == 4
    assert resolved["features"]["per_timeframe"] == {"1h": ["CCI"]}
    assert "RSI" not in resolved["features"]["indicators"]
    assert resolved["features"]["calendar"] is False


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
    page.get_by_text("As YAML, curl, command").click()
    expect(page.locator('[data-text="cli"]')).to_be_visible()
    return {name: page.locator(f'[data-text="{name}"]').inner_text() for name in ("yaml", "curl", "cli")}


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


def test_hostile_text_stays_text(person: Visitor) -> None:
    old = ask(
        person.server,
        "POST",
        "/runs",
        json={"config": TINY, "name": HOSTILE, "notes": f"{HOSTILE}\n{HOSTILE}"},
    )["id"]
    page = person.open(f"/ui/new?from={old}&step=training")
    expect(page.get_by_role("textbox", name="Name")).to_have_value(HOSTILE)
    page.get_by_text("As YAML, curl, command").click()
    expect(page.locator('[data-text="yaml"]')).to_contain_text("<b>bold</b>")
    page.goto(f"/ui/new?from={HOSTILE}")
    expect(page.get_by_role("alert").first).to_contain_text("<b>bold</b>")
    page.goto("/ui/new")
    page.get_by_role("radio", name="Other").check()
    page.get_by_label("Symbol or file name").fill(HOSTILE)
    page.get_by_label("Symbol or file name").blur()
    expect(page.locator("#f-config-data_source-fault")).to_be_visible()
    assert page.locator("main b").count() == 0
    assert page.locator("main img").count() == 0


def test_a_file_is_added_looked_at_and_chosen(person: Visitor, tmp_path: Path) -> None:
    page = person.open("/ui/new")
    good = write_candles(tmp_path / "ETHUSDT_1h.csv", bars=900, seed=1)
    page.get_by_label("Add a file").set_input_files(good)
    expect(page.get_by_role("radio", name="ETHUSDT_1h.csv")).to_be_checked()
    expect(page.locator(".chart canvas")).to_be_visible()
    expect(page.get_by_text("All 900 rows are sound")).to_be_visible()
    expect(page.get_by_role("checkbox", name="30m")).to_be_disabled()
    expect(page.get_by_text("Not to be had: 1m, 5m, 15m, 30m. ETHUSDT_1h.csv has bars of 1h")).to_be_visible()
    lines = good.read_text().splitlines()
    broken = tmp_path / "SOLUSDT_1h.csv"
    broken.write_text("\n".join([*lines[:50], lines[50].rsplit(",", 2)[0] + ",-1,5", *lines[60:200]]))
    page.get_by_label("Add a file").set_input_files(broken)
    expect(page.locator(".findings")).to_contain_text("row")
    assert find_barriers(page) == []
    page.get_by_label("Add a file").set_input_files(
        {"name": "nonsense.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    expect(page.locator(".notice").last).to_contain_text("was not added")
    person.complaints[:] = [each for each in person.complaints if "400" not in each]  # which the browser logs


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_steps_are_free_of_barriers_and_fit_a_phone(
    browser: Browser, trainer: Server, scheme: str
) -> None:
    with Visitor.arriving(browser, trainer, viewport=PHONE, color_scheme=scheme) as person:
        page = person.open("/ui/new")
        choose_candles(page)
        for number, step in enumerate(FORECAST_STEPS):
            if number:
                go_on(page, step)
            assert find_barriers(page) == [], step
            assert not is_too_wide(page), step
        expect(page.locator("#summary-content")).to_be_hidden()
        page.locator("#summary > summary").click()
        expect(page.locator("#summary-content")).to_contain_text("Parameters")
        assert find_barriers(page) == []
        assert person.complaints == []
