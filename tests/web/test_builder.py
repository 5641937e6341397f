"""The steps of the builder, with a real browser, a real server and real candles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, expect

from tests.e2e.harness import Server
from tests.fakes.candles import write_candles
from tests.waiting import eventually
from tests.web.browsing import PHONE, Visitor, find_barriers, is_too_wide
from tests.web.building import (
    HOSTILE,
    TINY,
    ask,
    choose_candles,
    go_on,
    open_step,
    runs_called,
    start,
    tab_to,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

FORECAST_STEPS = ["Data", "Features", "Horizons", "Model", "Loss", "Training"]


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
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
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


def test_a_second_click_on_continue_neither_skips_a_step_nor_starts(person: Visitor) -> None:
    page = open_step(person, "model", {"name": "clicked twice"})
    page.get_by_role("button", name="Continue").dblclick()
    expect(page.get_by_role("heading", name="Loss", exact=True)).to_be_focused()
    page.get_by_role("button", name="Continue").click(click_count=3, delay=20)
    expect(page.get_by_role("heading", name="Training", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert "/ui/new" in page.url
    assert runs_called(person.server, "clicked twice") == []


def test_enter_that_is_held_down_goes_on_once(person: Visitor) -> None:
    page = open_step(person, "model", {"name": "held down"})
    page.locator("#step-model").focus()
    page.keyboard.down("Enter")
    expect(page.get_by_role("heading", name="Loss", exact=True)).to_be_focused()
    for _ in range(20):
        page.keyboard.down("Enter")  # which the browser tells as repeats
    page.keyboard.up("Enter")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Training", exact=True)).to_be_focused()
    assert runs_called(person.server, "held down") == []


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


def test_a_file_takes_the_place_of_another_only_when_that_is_meant(person: Visitor, tmp_path: Path) -> None:
    page = person.open("/ui/new")
    path = write_candles(tmp_path / "ADAUSDT_1h.csv", bars=900, seed=1)
    page.get_by_label("Add a file").set_input_files(path)
    expect(page.get_by_text("All 900 rows are sound")).to_be_visible()
    span = page.locator(".closes time[datetime]")
    expect(span.first).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$"))
    page.locator(".closes .u-over").hover()
    expect(page.locator(".closes .when")).to_have_attribute("title", re.compile("UTC$"))
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if len(asked) > 1 else dialog.dismiss()

    page.on("dialog", answer)
    kept = person.server.data_dir / "candles" / path.name
    before = kept.read_bytes()
    write_candles(path, bars=600, seed=1)

    page.get_by_label("Add a file").set_input_files(path)
    expect(page.get_by_label("Add a file")).to_have_value("")
    assert "ADAUSDT_1h.csv is there already" in asked[0]
    assert kept.read_bytes() == before
    page.get_by_label("Add a file").set_input_files(path)
    expect(page.get_by_text("All 600 rows are sound")).to_be_visible()
    assert kept.read_bytes() == path.read_bytes()


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
