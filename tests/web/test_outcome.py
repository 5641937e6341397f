"""What came out of a run, drawn on its page: real trainings, a real server, a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.harness import Server, running_server
from tests.fakes.staged_talk import EVIL
from tests.waiting import eventually
from tests.web.browsing import PHONE, Visitor, find_barriers, is_too_wide

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_DAILY = {"timeframe": "1d", "features": ["price"], "steps": 8_192}
_FORECAST: dict[str, Any] = {
    "data_source": "BTC",
    "timeframes": ["1h"],
    "variant": "tiny",
    "d_model": 16,
    "n_heads": 2,
    "features": ["RSI"],
    "short_horizon": "4h",
    "long_horizon": "1d",
    "batch_size": 64,
    "max_epochs": 1,
    "overrides": {"model.context_patches": 4, "horizons.next_bars": 3},
    "seed": 7,
}


@dataclass(frozen=True)
class Ended:
    """A server with runs that are done: of demo data, of one symbol of them, and a forecast of candles of a file."""

    server: Server
    both: str
    alone: str
    forecast: str


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    folder = tmp_path_factory.mktemp("outcomes")
    with running_server(folder, HEADWAY_SYMBOLS="SP500,NASDAQ,BTC", HEADWAY_CPU_SLOTS="2") as server:
        both = server.submit(**{**_DAILY, "symbols": ["SP500", "NASDAQ"]})
        alone = server.submit(**{**_DAILY, "symbols": ["SP500"]})
        made = server.call("POST", "/runs", json={"config": _FORECAST})
        assert made.status_code == httpx.codes.CREATED, made.text
        forecast = str(made.json()["id"])
        server.wait_for(both, "done")
        server.wait_for(alone, "done")
        eventually(lambda: _status(server, forecast) == "completed", what="the forecast is done")
        yield Ended(server, both, alone, forecast)


def _status(server: Server, run_id: str) -> str:
    status = str(server.call("GET", f"/runs/{run_id}").json()["status"])
    assert status not in ("failed", "cancelled")
    return status


def _charts(page: Page) -> list[str]:
    expect(page.locator("#outcome-hint")).to_be_visible(timeout=60_000)
    titles: list[str] = page.locator("#outcome .chart figcaption").evaluate_all(
        "all => all.map((each) => each.firstChild.textContent)"
    )
    return titles


def _say_share(value: float) -> str:
    return f"{100 * value:.1f} %"


@pytest.fixture
def visitor(browser: Browser, ended: Ended) -> Iterator[Visitor]:
    with Visitor.arriving(browser, ended.server) as arrived:
        yield arrived
        assert arrived.complaints == []


def test_equity_drawdown_intervals_and_trades_are_those_of_the_result(visitor: Visitor, ended: Ended) -> None:
    page = visitor.open(f"/ui/runs/{ended.both}")
    assert _charts(page) == [
        "Equity: change since the start",
        "Drawdown: below the highest equity so far",
        "Sharpe ratio per √year, with its 95 % interval",
    ]
    run = ended.server.call("GET", f"/runs/{ended.both}").json()
    table = pl.read_parquet(ended.server.run_dir(ended.both).trades)
    expect(page.locator("#outcome .label").first).to_have_text("packaged demo data (arch)")
    page.get_by_text("The charts as tables").click()
    span = page.locator("#outcome-tables caption time")
    expect(span).to_have_count(2)
    expect(span.first).to_have_attribute("title", re.compile(r"\d\d:\d\d:\d\d UTC$"))
    rows = page.locator("#outcome-tables tr")
    agent, held = run["results"]["return_fraction"], run["results"]["buy_hold_return_fraction"]
    expect(rows.filter(has_text="Agent").first).to_contain_text(_say_share(agent))
    expect(rows.filter(has_text="Buy and hold").first).to_contain_text(_say_share(held))
    deepest = run["results"]["max_drawdown_fraction"]
    expect(rows.filter(has_text="Agent").first).to_contain_text(_say_share(-deepest))
    expect(page.locator("#trades .quiet").first).to_contain_text(f"{len(table)} in the test window")


def test_trades_are_leafed_through_and_one_symbol_is_looked_at(visitor: Visitor, ended: Ended) -> None:
    table = pl.read_parquet(ended.server.run_dir(ended.both).trades)
    page = visitor.open(f"/ui/runs/{ended.both}")
    shown = page.locator("#trades tbody tr")
    expect(shown).to_have_count(min(len(table), 25))
    own = table.filter(pl.col("symbol") == "NASDAQ")
    page.get_by_label("Symbol").select_option("NASDAQ")
    expect(shown).to_have_count(min(len(own), 25))
    expect(page.locator("#trades tbody")).not_to_contain_text("SP500")
    if len(own) > 25:
        page.get_by_role("button", name="Later").click()
        expect(page.locator("#trades .quiet").first).to_contain_text("26 to")
    answer = page.request.get(f"/ui/runs/{ended.both}/equity.json?symbol=%3Cb%3E")
    assert answer.status == 422
    assert "SP500, NASDAQ" in answer.json()["message"]


def test_a_stretch_of_the_curve_is_zoomed_into_and_left_again(visitor: Visitor, ended: Ended) -> None:
    page = visitor.open(f"/ui/runs/{ended.alone}")
    _charts(page)
    reset = page.locator("#outcome-reset")
    expect(reset).to_be_disabled()
    page.locator("#outcome .chart").first.scroll_into_view_if_needed()  # only what is on the screen is drawn
    area = page.locator("#outcome .chart .u-over").first
    expect(area).to_be_visible()
    box = area.bounding_box()
    assert box is not None
    with page.expect_response(re.compile(r"equity\.json\?.*from=")) as asked:
        page.mouse.move(box["x"] + 100, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 50, steps=4)
        page.mouse.up()
    whole = page.request.get(f"/ui/runs/{ended.alone}/equity.json").json()
    part = asked.value.json()
    assert 0 < part["rows"] < whole["rows"]
    assert set(part["at_s"]) <= set(whole["at_s"])
    expect(reset).to_be_enabled()
    reset.click()
    expect(reset).to_be_disabled()
    page.get_by_role("application", name="Equity: change").focus()
    for _ in range(3):  # of what is zoomed into nothing else is there
        with page.expect_response(re.compile(r"equity\.json\?.*from=")):
            page.keyboard.press("+")
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(reset).to_be_enabled()
    page.keyboard.press("-")
    expect(reset).to_be_disabled()


def test_forecasts_stand_beside_what_came_with_calibration_and_baselines(
    visitor: Visitor, ended: Ended
) -> None:
    page = visitor.open(f"/ui/runs/{ended.forecast}")
    assert _charts(page) == [
        "Return since the close of a row",
        "Trends: how often right, by how sure",
        "Within the interval of 80 %, by bars ahead",
        "RMSE on the test rows, by bars ahead",
        "Loss avoided beside each baseline, test rows, with its 95 % interval",
    ]
    test = ended.server.call("GET", f"/runs/{ended.forecast}").json()["details"]["test"]
    within = page.locator(".chart", has_text="Within the interval of 80 %")
    within.scroll_into_view_if_needed()
    expect(within.locator(".legend-item", has_text="Nominal").locator("b")).to_have_text("80.0 %")
    page.get_by_text("The charts as tables").click()
    bounds = page.get_by_role("region", name=re.compile("Where what came lay"))
    expect(bounds.locator("tbody tr")).to_have_count(3)
    coverage = _say_share(test["model"]["by_bar"][2]["coverage"])
    expect(bounds.locator("tbody tr").nth(2).locator("td").nth(1)).to_have_text(coverage)
    with page.expect_response(re.compile(r"predictions\.json\?.*bar=3")):
        page.locator("#outcome-bar").select_option("3")
    expect(page.get_by_role("region", name=re.compile("Return 3 bars ahead, test"))).to_be_visible()
    page.locator("#outcome-split").select_option("validation")
    expect(page.get_by_role("region", name=re.compile("Return 3 bars ahead, validation"))).to_be_visible()


def test_equities_of_runs_are_compared(visitor: Visitor, ended: Ended) -> None:
    page = visitor.open(f"/ui/compare?ids={ended.both},{ended.forecast},{ended.alone}")
    lines = page.locator("#equity .legend-item")
    expect(lines).to_have_count(2)
    for line, run_id in zip(lines.all(), (ended.both, ended.alone), strict=True):
        gained = ended.server.call("GET", f"/runs/{run_id}").json()["results"]["return_fraction"]
        expect(line.locator("b")).to_have_text(_say_share(gained))
    expect(page.locator("section", has=page.locator("#equity")).locator(".label")).to_have_text(
        "packaged demo data (arch)"
    )


def test_a_run_that_is_under_way_says_when_there_is_something_to_see(visitor: Visitor, ended: Ended) -> None:
    run_id = ended.server.submit(**{**_DAILY, "symbols": ["SP500"], "steps": 40_000_000})
    ended.server.wait_for(run_id, "training")
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#outcome")).to_contain_text("Shown once the evaluation has ended.")
    ended.server.cancel(run_id)
    expect(page.locator("#outcome")).to_contain_text("The run ended before its evaluation")
    assert page.locator("#outcome .chart").count() == 0


def test_a_table_that_is_broken_or_means_harm_is_told_as_text(visitor: Visitor, ended: Ended) -> None:
    folder = ended.server.run_dir(ended.alone)
    whole = folder.trades.read_bytes()
    table = pl.read_parquet(folder.trades).with_columns(symbol=pl.lit(EVIL))
    table.write_parquet(folder.trades)
    page = visitor.open(f"/ui/runs/{ended.alone}")
    page.on("dialog", lambda dialog: visitor.complaints.append(dialog.message))
    expect(page.locator("#trades tbody td").nth(1)).to_have_text(EVIL)
    assert page.locator("#trades img").count() == 0
    folder.trades.write_bytes(whole)

    whole = folder.equity.read_bytes()
    folder.equity.write_bytes(b"PAR1 not a table")
    page.reload()
    expect(page.locator("#outcome-error")).to_contain_text("equity.parquet cannot be read")
    folder.equity.write_bytes(whole)
    visitor.complaints.clear()  # the browser says aloud that the server refused


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": PHONE}], ids=["dark", "phone"])
def test_results_are_for_everyone(browser: Browser, ended: Ended, options: dict[str, Any]) -> None:
    with Visitor.arriving(browser, ended.server, **options) as visitor:
        for run_id in (ended.both, ended.forecast):
            page = visitor.open(f"/ui/runs/{run_id}")
            _charts(page)
            page.get_by_text("The charts as tables").click()
            assert find_barriers(page) == []
            assert not is_too_wide(page)
        assert visitor.complaints == []
