"""What the page of a run must not get wrong while it is open: a dead socket, a failed request, what is typed."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, Request, Route, expect

from headway.wire.rundir import RunDir
from tests.e2e.harness import Server
from tests.fakes.staged_talk import EVIL, EVIL_FILE
from tests.waiting import eventually
from tests.web.browsing import Visitor, let_go, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


# A follower that is as impatient as a test, on sockets that can be made deaf: they stay open and say nothing more.
_DEAF = """async (run) => {
  const address = document.querySelector('script[src*="js/run.js"]').src.replace("run.js", "live.js");
  const { Live } = await import(address);
  const told = { states: [], steps: [], sockets: [], deaf: new Set() };
  window.WebSocket = class extends WebSocket {
    constructor(...given) { super(...given); told.sockets.push(this); }
    addEventListener(kind, listener) {
      super.addEventListener(kind, (event) => { if (!told.deaf.has(this)) listener(event); });
    }
  };
  const rows = (frames) => frames.filter((frame) => frame.event_type === "metrics" && !frame.snapshot);
  new Live(run, {
    silentForMs: 1000,
    onFrames: (frames) => { told.steps.push(...rows(frames).map((frame) => frame.data.step)); },
    onState: (state) => { told.states.push(state); },
  }).start();
  return told;
}"""


def _points_of_loss(page: Page) -> int:
    found: int = page.evaluate(
        """async () => {
          const address = document.querySelector('script[src*="js/run.js"]').src;
          return (await import(address)).metrics.pointsOf("train/loss");
        }"""
    )
    return found


def test_a_socket_that_died_unseen_is_made_anew_without_gap(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    told = page.evaluate_handle(_DEAF, run_id)
    page.wait_for_function("(told) => told.steps.length > 5", arg=told)
    told.evaluate("(told) => told.sockets.forEach((socket) => told.deaf.add(socket))")
    let_go(server, run_id)
    page.wait_for_function("(told) => told.states.at(-1) === 'ended'", arg=told)
    steps = told.evaluate("(told) => told.steps")
    assert steps == list(range(steps[0], steps[-1] + 1))
    assert told.evaluate("(told) => told.states") == ["live", "ended"]


def test_charts_survive_a_request_that_failed(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    failures: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failures) < 2:
            failures.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    visitor.context.route(re.compile(f"/runs/{run_id}/metrics"), fail_twice)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.get_by_text("The numbers cannot be read")).to_be_visible()
    expect(page.locator(".chart figcaption").first).to_have_text("Loss")
    let_go(server, run_id)
    server.wait_for(run_id, "done")
    expect(page.locator(".badge")).to_have_text("completed")
    steps = server.call("GET", f"/runs/{run_id}/metrics").json()["series"]["train/loss"]["steps"]
    eventually(lambda: _points_of_loss(page) == len(steps), what="the charts hold every number")
    assert len(failures) == 2
    visitor.complaints[:] = [said for said in visitor.complaints if "ERR_FAILED" not in said]


def test_what_is_typed_stays_while_the_page_is_taken_over(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("half a na")
    page.locator("#charts-title").click()
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    expect(page.get_by_label("Name")).to_have_value("half a na")
    page.get_by_label("Name").fill("a whole name")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a whole name")


def test_who_is_at_a_button_stays_there_while_the_page_is_taken_over(
    visitor: Visitor, server: Server
) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#live")).to_have_text("Live")
    page.get_by_role("button", name="Edit").focus()
    page.evaluate("window.before = document.activeElement")
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    expect(page.get_by_role("button", name="Edit")).to_be_focused()
    assert page.evaluate("!before.isConnected")


def test_the_environment_is_shown_once_it_is_known(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    place = page.locator("[data-part=environment]")
    expect(place).to_contain_text("are written when training begins")
    manifest = {"seed": 1, "versions": {}, "machine": {}, "git": None}
    RunDir(server.data_dir / "runs" / run_id).manifest.write_text(json.dumps(manifest))
    let_go(server, run_id)
    expect(place).to_contain_text("Environment")
    expect(place.locator("summary")).to_have_count(2)


def test_a_run_that_is_resumed_elsewhere_is_seen_without_a_reload(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    server.wait_for_steps(run_id, 55)
    assert server.cancel(run_id).is_success
    server.wait_for(run_id, "cancelled")
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator(".badge")).to_have_text("cancelled")
    server.call("POST", f"/runs/{run_id}/resume", json={}).raise_for_status()
    expect(page.locator(".badge")).to_have_text("running", timeout=60_000)
    expect(page.locator("#live")).to_have_text("Live")
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")


def test_notes_of_the_training_are_told_to_who_comes_later(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    let_go(server, run_id)
    server.wait_for(run_id, "done")
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator(".notes li")).to_contain_text(f"a note with {EVIL}")


def test_a_console_that_is_chosen_while_it_writes_has_no_gap_and_no_double(
    visitor: Visitor, server: Server
) -> None:
    run_id = submit(server, "talk", ended=False)
    server.wait_for_steps(run_id, 55)
    assert server.cancel(run_id).is_success
    server.wait_for(run_id, "cancelled")
    server.call("POST", f"/runs/{run_id}/resume", json={}).raise_for_status()
    server.wait_for_attempt(run_id, 2)
    page = visitor.open(f"/ui/runs/{run_id}")
    expect(page.locator("#console .line").last).to_have_text(re.compile("^line [0-9]+$"))
    page.locator("#console-attempt").select_option("1")
    expect(page.locator("#console .line").last).to_have_text(re.compile("^line [5-9][0-9]$"))
    page.locator("#console-attempt").select_option("2")
    expect(page.locator("#console .line").last).to_have_text(re.compile("^line (7[5-9]|[89][0-9]|1[0-9]+)$"))
    numbers = [
        int(text.split()[1])
        for text in page.locator("#console .line").all_inner_texts()
        if re.fullmatch("line [0-9]+", text)
    ]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))

    visitor.context.route(re.compile("/logs\\?attempt=1"), lambda route: route.abort())
    page.locator("#console-attempt").select_option("1")
    expect(page.get_by_text("Attempt 1 cannot be read")).to_be_visible()
    expect(page.locator("#console-attempt")).to_have_value("2")
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    visitor.complaints[:] = [said for said in visitor.complaints if "ERR_FAILED" not in said]


def test_a_line_that_is_selected_stays_selected_while_a_run_writes(visitor: Visitor, server: Server) -> None:
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    line = page.locator("#console .line", has_text=re.compile("^line [0-9]+$")).last
    expect(line).to_be_visible()
    text = page.evaluate(
        """() => {
          const line = [...document.querySelectorAll("#console .line")].at(-1);
          getSelection().selectAllChildren(line);
          return line.textContent;
        }"""
    )
    count = page.evaluate("Number(document.getElementById('console').dataset.lines)")
    page.wait_for_function(
        "(count) => Number(document.getElementById('console').dataset.lines) > count + 5", arg=count
    )
    assert page.evaluate("getSelection().toString()") == text
    let_go(server, run_id)


def test_what_scripts_ask_for_says_so(visitor: Visitor, server: Server) -> None:
    """So that they are told when a session has ended, by browsers too that do not say who asks."""
    run_id = submit(server, "talk", ended=False)
    page = visitor.open(f"/ui/runs/{run_id}")
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("request", note)
    let_go(server, run_id)
    expect(page.locator(".badge")).to_have_text("completed")
    page.get_by_role("button", name="Show predictions.parquet").click()
    expect(page.locator(".viewer-body td").first).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name=f"Show {EVIL_FILE}").click()
    expect(page.locator(".viewer-body pre")).to_be_visible()

    scripts = [request for request in asked if request.resource_type in ("fetch", "xhr")]
    assert len(scripts) > 3
    assert [request.url for request in scripts if "x-headway" not in request.headers] == []


def test_a_configuration_is_copied_also_where_the_browser_has_no_clipboard(
    visitor: Visitor, server: Server
) -> None:
    run_id = submit(server)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.context.add_init_script(_NO_CLIPBOARD)
    page = visitor.open(f"/ui/runs/{run_id}")
    page.locator("summary", has_text="As it was sent").click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator(".notice").last).to_have_text("Copied.")
    told = page.evaluate("kept.readText()")
    assert told == page.locator(".copyable pre").first.text_content()

    page.evaluate("Object.defineProperty(navigator, 'clipboard', { get: () => refusing })")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator(".notice", has_text="Copied.")).to_have_count(2)
    page.evaluate("document.execCommand = () => false")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator(".notice").last).to_contain_text("mark the text and copy it by hand")


# As for a page over plain HTTP from another machine. What is copied can be looked at all the same.
_NO_CLIPBOARD = """
window.kept = navigator.clipboard;
window.refusing = { writeText: async () => { throw new DOMException("no", "NotAllowedError"); } };
Object.defineProperty(navigator, "clipboard", { configurable: true, get: () => undefined });
"""


def test_a_long_file_is_read_only_so_far_as_it_is_shown(visitor: Visitor, server: Server) -> None:
    run_id = submit(server)
    folder = RunDir(server.data_dir / "runs" / run_id).artifacts
    folder.mkdir(exist_ok=True)
    (folder / "long.log").write_text("é" * 400_000)
    (folder / "empty.log").write_text("")
    page = visitor.open(f"/ui/runs/{run_id}")
    with page.expect_response(re.compile("long.log")) as asked:
        page.get_by_role("button", name="Show long.log").click()
    expect(page.locator(".viewer-body pre")).to_contain_text("… the rest is in the download")
    assert asked.value.headers["content-range"] == "bytes 0-299999/800000"
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".viewer-body *")).to_have_count(0)
    page.get_by_role("button", name="Show empty.log").click()
    expect(page.locator(".viewer-body pre")).to_have_text("")
    visitor.complaints[:] = [said for said in visitor.complaints if "416" not in said]
