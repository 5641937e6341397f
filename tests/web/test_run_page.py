"""The page of a run, as a person sees it: a real server, a real training process, a real browser."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.harness import Server, running_server
from tests.fakes.staged_talk import EVIL, EVIL_FILE
from tests.waiting import eventually
from tests.web.browsing import (
    PHONE,
    Visitor,
    find_barriers,
    is_too_wide,
    let_go,
    lines_seen,
    read_console,
    stop_following,
    submit,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def talked(server: Server) -> str:
    """A run that has talked and is done."""
    run_id = submit(server, "talk", ended=False)
    let_go(server, run_id)
    server.wait_for(run_id, "done")
    return run_id


def test_a_run_is_watched_to_its_end_without_a_reload(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.evaluate("window.same = true")
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator(".badge")).to_have_text("running")
    expect(page.locator("#evidence")).to_contain_text("heartbeat")
    expect(page.locator("#pace")).to_contain_text("talking")
    expect(page.locator(".chart figcaption").first).to_have_text("Loss")
    expect(page.locator("#console .line").last).to_have_text(re.compile("line [0-9]+"))
    page.get_by_text("Newest values as a table").click()
    expect(page.locator("#values tbody tr")).to_have_count(3)

    let_go(server, run_id)

    expect(page.locator(".badge")).to_have_text("completed")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.locator("[data-part=result]")).to_contain_text("made by a test")
    expect(page.locator(".timeline li").last).to_contain_text("done")
    assert page.evaluate("window.same")


def test_the_charts_hold_every_number_that_the_store_holds(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#live")).to_have_text("Live")
    let_go(server, run_id)
    server.wait_for(run_id, "done")
    steps = server.call("GET", f"/runs/{run_id}/metrics").json()["series"]["train/loss"]["steps"]
    page.locator("#values summary").click()
    row = page.locator("#values tbody tr", has_text="train/loss")
    expect(row.locator("td").nth(1)).to_have_text(f"{steps[-1]:,}")
    expect(row.locator("td").nth(3)).to_have_text("1")
    assert page.evaluate(_POINTS_OF_LOSS) == len(steps)


# The chart draws what its data hold: they are asked of the script that the page has loaded.
_POINTS_OF_LOSS = """async () => {
  const address = document.querySelector('script[src*="js/run.js"]').src;
  return (await import(address)).metrics.pointsOf("train/loss");
}"""


def test_a_hidden_tab_lets_go_of_its_socket_and_goes_on_without_gap(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    told = page.evaluate_handle(_HIDING, run_id)
    for state, hidden in (("live", True), ("paused", False), ("live", False)):
        page.wait_for_function("([told, state]) => told.states.at(-1) === state", arg=[told, state])
        told.evaluate("(told, hidden) => told.hide(hidden)", hidden)
    let_go(server, run_id)
    page.wait_for_function("(told) => told.states.at(-1) === 'ended'", arg=told)
    steps = told.evaluate("(told) => told.steps")
    assert steps == list(range(steps[0], steps[-1] + 1))


# A second follower on the page, which is as impatient as a test.
_HIDING = """async (run) => {
  const address = document.querySelector('script[src*="js/run.js"]').src.replace("run.js", "live.js");
  const { Live } = await import(address);
  const told = { states: [], steps: [] };
  let hidden = false;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  told.hide = (value) => { hidden = value; document.dispatchEvent(new Event("visibilitychange")); };
  const rows = (frames) => frames.filter((frame) => frame.event_type === "metrics" && !frame.snapshot);
  new Live(run, {
    hiddenForMs: 100,
    onFrames: (frames) => { told.steps.push(...rows(frames).map((frame) => frame.data.step)); },
    onState: (state) => { told.states.push(state); },
  }).start();
  return told;
}"""


def test_nine_tabs_are_all_live(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    tabs = [visitor.open(f"/ui/runs/{run_id}") for _ in range(9)]
    for tab in tabs:
        expect(tab.locator("#live")).to_have_text("Live")
    let_go(server, run_id)
    for tab in tabs:
        expect(tab.locator(".badge")).to_have_text("completed")


def test_a_run_is_cancelled_from_its_page_and_resumed(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    eventually(lambda: server.call("GET", f"/runs/{run_id}").json()["checkpoints"], what="a checkpoint")
    page = visitor.open(f"/ui/runs/{run_id}")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Keep training").click()
    expect(page.locator(".badge")).to_have_text("running")

    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".badge")).to_have_text("cancelled")

    page.get_by_role("button", name="Resume", exact=True).click()
    page.locator("#resume-dialog").get_by_role("button", name="Resume").click()
    expect(page.locator(".badge")).to_have_text("running")
    expect(page.locator("#live")).to_have_text("Live")
    page.locator("#console-attempt").select_option("1")
    expect(page.locator("#console .line").first).to_have_text(re.compile("line|img"))
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()


def test_a_checkpoint_downloads_byte_for_byte(visitor: Visitor, server: Server, talked: str) -> None:
    page = visitor.open(f"/ui/runs/{talked}")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the checkpoint of step 50").click()
    kept = server.call("GET", f"/runs/{talked}").json()["checkpoints"][-1]
    theirs = server.call("GET", f"/runs/{talked}/artifacts/{kept['filename']}.tar").content
    assert hashlib.sha256(Path(caught.value.path()).read_bytes()).digest() == hashlib.sha256(theirs).digest()
    assert b"50" in theirs


def test_what_a_run_says_of_itself_stays_text(visitor: Visitor, server: Server, talked: str) -> None:
    server.call("PATCH", f"/runs/{talked}", json={"name": EVIL, "notes": f"{EVIL}\n</textarea>"})
    page = visitor.open(f"/ui/runs/{talked}")
    page.on("dialog", lambda dialog: visitor.complaints.append(dialog.message))
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    expect(page.locator(".note")).to_contain_text(EVIL)
    stop_following(page)
    assert read_console(page)[0] == EVIL
    page.get_by_role("button", name=f"Show {EVIL_FILE}").click()
    expect(page.locator(".viewer-body pre")).to_contain_text("<b>bold</b>")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Show predictions.parquet").click()
    expect(page.locator(".viewer-body td").nth(1)).to_have_text("<i>first</i>")
    expect(page.locator(".viewer-body td").nth(2)).to_have_text("–")
    assert page.locator("main img, main b b, dialog img").count() == 0


def test_a_report_is_shown_with_its_own_styles_and_can_do_nothing_else(
    visitor: Visitor, server: Server, talked: str
) -> None:
    page = visitor.open(f"/ui/runs/{talked}")
    told = page.frame_locator("iframe.report").locator("#told")
    page.locator("iframe.report").scroll_into_view_if_needed()
    expect(told).to_have_text("cookie refused, runs refused")
    assert told.evaluate("element => getComputedStyle(element).color") == "rgb(0, 128, 0)"
    alone = visitor.open(f"/runs/{talked}/artifacts/report.html?show=true")
    expect(alone.locator("#told")).to_have_text("cookie refused, runs refused")
    answer = server.call("GET", f"/runs/{talked}/artifacts/report.html?show=true")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    plain = server.call("GET", f"/runs/{talked}/artifacts/report.html")
    assert plain.headers["content-disposition"].startswith("attachment")


def test_a_run_is_renamed_in_place(visitor: Visitor, server: Server) -> None:
    run_id = submit(server)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("Second try")
    page.get_by_label("Tags").fill("btc not/a tag!")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#labels .error")).not_to_be_empty()
    page.get_by_label("Tags").fill("btc nightly")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Second try")
    assert server.call("GET", f"/runs/{run_id}").json()["tags"] == ["btc", "nightly"]
    visitor.complaints[:] = [said for said in visitor.complaints if "status of 400" not in said]  # the tag


def test_a_job_of_any_kind_that_has_a_builder_can_be_cloned(visitor: Visitor, server: Server) -> None:
    run_id = submit(server)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_text(f"A copy of {run_id}")).to_be_visible()
    expect(page.get_by_role("checkbox", name="BTC")).to_be_checked()


def test_a_failed_run_says_why_and_what_to_do_at_the_top(visitor: Visitor, server: Server) -> None:
    run_id = server.submit(notes="diverge")
    server.wait_for(run_id, "failed")
    page = visitor.open(f"/ui/runs/{run_id}")
    trouble = page.get_by_role("region", name="What went wrong")
    expect(trouble).to_contain_text("the loss is nan after 12 steps")
    expect(trouble).to_contain_text(server.call("GET", f"/runs/{run_id}").json()["remedy"])


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": PHONE}], ids=["dark", "phone"])
def test_the_pages_of_runs_are_for_everyone(
    browser: Browser, server: Server, talked: str, options: dict[str, object]
) -> None:
    other = submit(server)
    with Visitor.arriving(browser, server, **options) as visitor:
        for path in (f"/ui/runs/{talked}", f"/ui/compare?ids={talked},{other}", "/ui/compare"):
            page = visitor.open(path)
            if "compare?" in path or "runs" in path:
                page.locator(".chart").first.scroll_into_view_if_needed()
                expect(page.locator(".chart canvas").first).to_be_visible()
            assert find_barriers(page) == []
            assert not is_too_wide(page)
        assert visitor.complaints == []


def test_runs_are_compared(visitor: Visitor, server: Server, talked: str) -> None:
    other = submit(server)
    page = visitor.open(f"/ui/compare?ids={talked},{other}")
    loss = page.locator(".chart", has_text="train/loss")
    expect(loss.locator(".legend-item")).to_have_count(2)
    rows = page.locator("tr", has=page.get_by_role("rowheader", name="train/loss", exact=True))
    expect(rows).to_have_count(2)  # of the best numbers and of the newest
    for row in rows.all():
        expect(row.locator(".best")).to_have_count(1)
    with page.expect_download() as table:
        page.get_by_role("button", name="Export CSV").click()
    assert Path(table.value.path()).read_text().startswith("metric,step,")
    with page.expect_download() as picture:
        page.get_by_role("button", name="Export PNG").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_comparison_follows_a_run_until_all_have_ended(
    visitor: Visitor, server: Server, talked: str
) -> None:
    run_id = submit(server, "talk", ended=False)
    visitor.context.clock.install()
    page = visitor.open(f"/ui/compare?ids={talked},{run_id}")
    page.evaluate("window.same = true")
    expect(page.locator("#live")).to_have_text("Live")
    value = page.locator(".chart", has_text="train/loss").locator(".legend-item").nth(1).locator("b")
    expect(value).to_have_text(re.compile("[0-9]"))
    page.get_by_role("link", name=run_id, exact=True).focus()
    first = str(value.text_content())

    expect(value).not_to_have_text(first)
    let_go(server, run_id)
    row = page.locator("tr", has=page.get_by_role("rowheader", name=run_id))
    expect(row.locator(".badge")).to_have_text("completed")
    expect(page.locator("#live")).to_have_text("")
    newest = server.call("GET", f"/runs/{run_id}").json()["latest"]["train/loss"]
    expect(value).to_have_text(re.compile(f"^{newest:.4f}"[:5]))
    expect(page.get_by_role("link", name=run_id, exact=True)).to_be_focused()
    assert page.evaluate("window.same")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server of one's own, to be killed."""
    with running_server(tmp_path, module="tests.fakes.staged_server") as started:
        yield started


def test_two_tabs_and_a_command_see_the_same_through_a_kill_and_a_restart(
    browser: Browser, mortal: Server
) -> None:
    run_id = submit(mortal, "talk", ended=False)
    with Visitor.arriving(browser, mortal) as visitor:
        tabs = [visitor.open(f"/ui/runs/{run_id}") for _ in range(2)]
        command = subprocess.Popen(
            [sys.executable, "-m", "headway.cli.main", "runs", "watch", "--json", run_id],
            env={**os.environ, **mortal.environment, "TRAIN_API_HOST": mortal.url},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert command.stdout is not None
        first = command.stdout.readline()
        for tab in tabs:
            tab.evaluate("window.same = true")
            expect(tab.locator("#live")).to_have_text("Live")
        mortal.kill()
        for tab in tabs:
            expect(tab.locator("#live")).to_have_text(re.compile(r"Reconnecting since \d+:\d+:\d+"))
        mortal.start()
        for tab in tabs:
            expect(tab.locator("#live")).to_have_text("Live")
        let_go(mortal, run_id)
        for tab in tabs:
            expect(tab.locator(".badge")).to_have_text("completed")
        console = mortal.run_dir(run_id).attempt(1).console.read_bytes().decode()
        written = console.splitlines()
        seen = lines_seen(console)
        for tab in tabs:
            tab.bring_to_front()  # a tab that nobody sees draws nothing
            stop_following(tab)
            assert [line for line in read_console(tab) if line in seen] == seen
            assert tab.evaluate("window.same")
        frames = [json.loads(line) for line in (first, *command.stdout)]
        assert command.wait(60) == 0
        command.stdout.close()
        said = [frame["data"] for frame in frames if frame.get("event_type") == "log"]
        lines = "".join(data["message"] for data in said if data["source"] == "console").splitlines()
        assert lines == written[-len(lines) :]
        assert len(lines) > 100
        assert visitor.complaints == []
