"""The charts of a run as they are drawn: zoom, cursors, smoothing, log scale, and where an attempt went on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.harness import Server
from tests.waiting import eventually
from tests.web.browsing import PHONE, Visitor, let_go, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


# What was drawn: plots as uPlot makes them, and the texts on each canvas since its last clearing.
_EYES = """
window.plots = new Set();
let real;
Object.defineProperty(window, "uPlot", {
  configurable: true,
  get: () => real,
  set: (made) => {
    real = class extends made {
      constructor(...given) { super(...given); window.plots.add(this); }
    };
  },
});
const pen = CanvasRenderingContext2D.prototype;
const { clearRect, fillText } = pen;
pen.clearRect = function (...given) { this.canvas.texts = []; return clearRect.apply(this, given); };
pen.fillText = function (text, ...given) {
  (this.canvas.texts ??= []).push(text);
  return fillText.call(this, text, ...given);
};
const titleOf = (plot) => plot.root.closest("figure").querySelector("figcaption").textContent;
window.plotOf = (title) => [...window.plots].find((plot) => plot.root.isConnected && titleOf(plot) === title);
"""


@pytest.fixture(scope="module")
def resumed(server: Server) -> str:
    """A run that was cancelled behind its checkpoint of step 50, went on from there, and is done."""
    run_id = submit(server, "talk", ended=False)
    server.wait_for_steps(run_id, 55)
    assert server.cancel(run_id).is_success
    server.wait_for(run_id, "cancelled")
    server.call("POST", f"/runs/{run_id}/resume", json={}).raise_for_status()
    let_go(server, run_id)
    eventually(lambda: server.job(run_id)["state"] == "done", what="the resumed run is done")
    return run_id


@pytest.fixture
def page(visitor: Visitor, resumed: str) -> Page:
    """The page of that run, with eyes on what is drawn."""
    visitor.context.add_init_script(_EYES)
    opened = visitor.open(f"/ui/runs/{resumed}")
    opened.wait_for_function("() => window.plots.size >= 2")
    expect(_legend(opened, "Loss", "train/loss")).to_have_text(re.compile(r"\d"))
    return opened


def _legend(page: Page, chart: str, line: str) -> Any:
    """The value that a legend tells of a line."""
    figure = page.locator(".chart").filter(has=page.locator("figcaption", has_text=re.compile(f"^{chart}$")))
    return figure.locator(".legend-item", has_text=line).locator("b")


def _losses(server: Server, run_id: str) -> dict[str, Any]:
    found = server.call("GET", f"/runs/{run_id}/metrics")
    series: dict[str, Any] = found.json()["series"]["train/loss"]
    return series


def _drag(page: Page, chart: str, begin: float, end: float) -> None:
    """Across a chart, between two fractions of its width."""
    page.locator(".chart", has_text=chart).first.scroll_into_view_if_needed()
    area = page.evaluate_handle(f"plotOf('{chart}').over").as_element()
    assert area is not None
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 50, steps=4)
    page.mouse.up()


def _steps_shown(page: Page, chart: str) -> list[float]:
    found: list[float] = page.evaluate(f"[plotOf('{chart}').scales.x.min, plotOf('{chart}').scales.x.max]")
    return found


def _show_steps(page: Page, chart: str, steps: list[float]) -> None:
    """A chart that has just come onto the screen is drawn a moment later."""
    eventually(lambda: _steps_shown(page, chart) == steps, what=f"{chart} shows {steps}")


def test_a_drag_zooms_all_charts_and_fetches_what_was_thinned(
    page: Page, server: Server, resumed: str
) -> None:
    last = _losses(server, resumed)["steps"][-1]
    _show_steps(page, "Loss", [1, last])

    with page.expect_request(re.compile("/metrics.*first_step")) as asked:
        _drag(page, "Loss", 0.25, 0.5)

    low, high = _steps_shown(page, "Loss")
    assert low == pytest.approx(1 + 0.25 * (last - 1), abs=2)
    assert high == pytest.approx(1 + 0.5 * (last - 1), abs=2)
    _show_steps(page, "Learning rate", [low, high])
    assert f"first_step={int(low)}" in asked.value.url
    page.get_by_role("button", name="Reset zoom").click()
    _show_steps(page, "Loss", [1, last])
    _show_steps(page, "Learning rate", [1, last])
    expect(page.get_by_role("button", name="Reset zoom")).to_be_disabled()
    _drag(page, "Learning rate", 0.5, 0.75)
    page.mouse.dblclick(*_middle(page, "Learning rate"))
    _show_steps(page, "Loss", [1, last])


def _middle(page: Page, chart: str) -> tuple[float, float]:
    area = page.evaluate_handle(f"plotOf('{chart}').over").as_element()
    assert area is not None
    box = area.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_keys_zoom_and_move_the_chart_that_has_the_focus(page: Page, server: Server, resumed: str) -> None:
    last = _losses(server, resumed)["steps"][-1]
    chart = page.get_by_role("application", name="Loss")
    chart.focus()
    width, middle = last - 1, (1 + last) / 2

    page.keyboard.press("+")
    _show_steps(page, "Loss", [middle - width / 4, middle + width / 4])
    _show_steps(page, "Learning rate", [middle - width / 4, middle + width / 4])
    page.keyboard.press("ArrowRight")
    _show_steps(page, "Loss", [middle - width / 8, middle + 3 * width / 8])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    _show_steps(page, "Loss", [middle, last])
    page.keyboard.press("-")
    _show_steps(page, "Loss", [1, last])
    expect(page.get_by_role("button", name="Reset zoom")).to_be_disabled()
    for key in ("0", "Escape"):
        page.keyboard.press("+")
        expect(page.get_by_role("button", name="Reset zoom")).to_be_enabled()
        page.keyboard.press(key)
        _show_steps(page, "Loss", [1, last])
    expect(chart).to_be_focused()


def test_fingers_mark_a_stretch_or_pull_it_wider(browser: Browser, server: Server, resumed: str) -> None:
    last = _losses(server, resumed)["steps"][-1]
    with Visitor.arriving(browser, server, viewport=PHONE, has_touch=True) as visitor:
        visitor.context.add_init_script(_EYES)
        page = visitor.open(f"/ui/runs/{resumed}")
        page.locator(".chart", has_text="Loss").first.scroll_into_view_if_needed()
        expect(_legend(page, "Loss", "train/loss")).to_have_text(re.compile(r"\d"))
        _show_steps(page, "Loss", [1, last])

        _touch(page, "Loss", [(0.25,), (0.4,), (0.5,)])
        low, high = 1 + 0.25 * (last - 1), 1 + 0.5 * (last - 1)
        eventually(
            lambda: _steps_shown(page, "Loss") == pytest.approx([low, high], abs=1), what="it is zoomed"
        )
        _touch(page, "Loss", [(0.25, 0.75), (0.3, 0.6), (0.375, 0.625)])
        wider = (high - low) / 2
        eventually(
            lambda: _steps_shown(page, "Loss") == pytest.approx([low - wider, high + wider], abs=2),
            what="it is wider",
        )
        _touch(page, "Loss", [(0.1, 0.9), (0.4, 0.6), (0.45, 0.55)])
        _show_steps(page, "Loss", [1, last])
        assert page.evaluate("plotOf('Loss').select.width") == 0
        assert visitor.complaints == []


def _touch(page: Page, chart: str, path: list[tuple[float, ...]]) -> None:
    """Fingers at fractions of the width of a chart: where they are put down, go, and are lifted."""
    box = page.evaluate(f"plotOf('{chart}').over.getBoundingClientRect().toJSON()")
    talk = page.context.new_cdp_session(page)
    kinds = ["touchStart", *["touchMove"] * (len(path) - 1)]
    for kind, fingers in zip(kinds, path, strict=True):
        points = [
            {"x": box["x"] + part * box["width"], "y": box["y"] + 80, "id": number}
            for number, part in enumerate(fingers)
        ]
        talk.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    talk.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_cursor_on_one_chart_tells_the_values_of_all(page: Page, server: Server, resumed: str) -> None:
    newest = _legend(page, "Learning rate", "learning_rate").text_content()
    page.locator(".chart").first.scroll_into_view_if_needed()
    page.mouse.move(*_middle(page, "Loss"))

    page.wait_for_function("() => plotOf('Loss').cursor.idx !== null")
    at = page.evaluate("plotOf('Loss').data[0][plotOf('Loss').cursor.idx]")
    expect(_legend(page, "Learning rate", "learning_rate")).not_to_have_text(str(newest))
    told = _legend(page, "Learning rate", "learning_rate").text_content()
    assert float(str(told)) == pytest.approx(1e-4 / at, rel=1e-2)
    assert page.evaluate("plotOf('Learning rate').data[0][plotOf('Learning rate').cursor.idx]") == at
    page.mouse.move(1, 1)
    expect(_legend(page, "Learning rate", "learning_rate")).to_have_text(str(newest))


def test_smoothing_draws_the_mean_beside_the_raw_line(page: Page, server: Server, resumed: str) -> None:
    page.get_by_label("Smoothing").fill("0.9")

    mean = part = 0.0
    for value in _losses(server, resumed)["values"]:
        mean, part = 0.9 * mean + 0.1 * value, 0.9 * part + 0.1
    told = _legend(page, "Loss", "train/loss")
    expect(told).to_have_text(f"{mean / part:.5f}"[: len(str(told.text_content()))])
    drawn = page.evaluate("plotOf('Loss').series.slice(1).map(({ alpha }) => alpha ?? 1)")
    assert drawn == [0.25, 1, 0.25, 1]
    page.get_by_label("Smoothing").fill("0")
    page.wait_for_function("() => plotOf('Loss').series.length === 3")


def test_a_log_scale_has_powers_of_ten(page: Page) -> None:
    assert page.evaluate("plotOf('Loss').scales.y.distr") == 1
    page.get_by_label("Log scale").check()
    page.wait_for_function("() => plotOf('Loss').scales.y.distr === 3")
    texts = page.evaluate("plotOf('Loss').ctx.canvas.texts")
    assert {"0.1", "1"} <= set(texts)


def test_the_place_where_an_attempt_went_on_is_marked(page: Page, server: Server, resumed: str) -> None:
    steps = _losses(server, resumed)["steps"]
    assert steps == list(range(1, steps[-1] + 1))
    page.wait_for_function("() => plotOf('Loss').ctx.canvas.texts.includes('attempt 2')")
    assert "attempt 2" in page.evaluate("plotOf('Learning rate').ctx.canvas.texts")
    assert page.evaluate("plotOf('Loss').data[0]") == steps
