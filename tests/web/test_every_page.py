"""What holds for every page: nobody meets a barrier, in either light and on a phone, and nothing moves for who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.harness import Server
from tests.web.browsing import PHONE, Visitor, find_barriers, is_too_wide, let_go, submit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PAGES = (
    "/ui/sign-in",
    "/ui/",
    "/ui/runs",
    "/ui/runs?text=nothing-has-this-name",
    "/ui/new",
    "/ui/new?kind=ppo",
    "/ui/runs/{done}",
    "/ui/runs/{running}",
    "/ui/runs/there-is-no-such-run",
    "/ui/compare?ids={done},{other}",
    "/ui/system",
    "/ui/sessions",
    "/ui/api",
    "/ui/there-is-no-such-page",
)
_PARTS = ["", "::before", "::after", "::-webkit-progress-value"]
_MOVES = """parts => {
  const lasts = value => value.split(",").some(each => parseFloat(each) > 0);
  const moves = style =>
    lasts(style.transitionDuration) || (style.animationName !== "none" && lasts(style.animationDuration));
  return [...document.querySelectorAll("*")].flatMap(element =>
    parts.filter(part => moves(getComputedStyle(element, part || null))).map(part => element.tagName + part));
}"""


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[dict[str, str]]:
    done, other, running = submit(server), submit(server), submit(server, "until told", ended=False)
    yield {"done": done, "other": other, "running": running}
    let_go(server, running)


@pytest.mark.parametrize(
    "look",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": PHONE, "has_touch": True}],
    ids=["light", "dark", "phone"],
)
def test_nobody_meets_a_barrier(
    browser: Browser, server: Server, runs: dict[str, str], look: dict[str, Any]
) -> None:
    with Visitor.arriving(browser, server, **look) as visitor:
        for path in PAGES:
            page = _look_at(visitor, path.format(**runs))
            assert find_barriers(page) == [], path
            assert not is_too_wide(page), path
            page.close()


def test_nothing_moves_for_who_asks_for_less_motion(
    browser: Browser, server: Server, runs: dict[str, str]
) -> None:
    with Visitor.arriving(browser, server, reduced_motion="reduce") as visitor:
        for path in PAGES:
            page = _look_at(visitor, path.format(**runs))
            assert page.evaluate(_MOVES, _PARTS) == [], path
            page.close()


def _look_at(visitor: Visitor, path: str) -> Page:
    page = visitor.open(path)
    page.wait_for_load_state()
    return page
