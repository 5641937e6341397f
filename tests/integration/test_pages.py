"""The pages, called in this process: who may see them, and what they tell a browser."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from headway.api.guards import fingerprint
from headway.control.sessions import COOKIE, open_session
from headway.domain.clock import format_utc
from headway.domain.errors import StoreUnavailable
from headway.domain.sessions import IDLE_FOR, csrf_token_of, session_id_of
from headway.domain.states import State
from headway.web.app import make_pages
from tests.factories import make_run, moment, run_id
from tests.fakes.services import Services, make_services
from tests.integration.calling import SECRET

OWNER = fingerprint(SECRET)
HOSTILE = "<script>alert(1)</script>\"' onload=x"
PAGES = ("/ui/", "/ui/runs", "/ui/system", "/ui/sessions", "/ui/api", "/ui/there-is-no-such-page")


class Browser:
    """Keeps cookies, follows nothing by itself."""

    def __init__(self, folder: Path) -> None:
        self.services: Services = make_services(folder)
        context = self.services.context
        pages = make_pages(context, secret=SECRET, owner=OWNER, version="0")
        self._app = Starlette(routes=[Mount("/ui", pages)])
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, arguments))

    async def _ask(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, **arguments)
        self.cookies.update(answer.cookies)
        return answer

    def sign_in(self, secret: str = SECRET, path: str = "/ui/sign-in") -> httpx.Response:
        return self.ask("POST", path, data={"secret": secret})

    def change(self, path: str, body: object = None) -> httpx.Response:
        """As a script of our pages does it."""
        headers = {"x-csrf-token": csrf_token_of(self.token)}
        return self.ask("POST", path, headers=headers, content=json.dumps(body))

    @property
    def token(self) -> str:
        return self.cookies[COOKIE]

    def keep(self, *numbers: int, **changes: Any) -> None:
        runs = [make_run(number, **changes) for number in numbers]
        self.services.context.store.write(lambda tx: [(tx.insert_run(run), tx.enqueue(run)) for run in runs])


@pytest.fixture
def stranger(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.fixture
def browser(stranger: Browser) -> Browser:
    """One that has signed in."""
    assert stranger.sign_in().status_code == httpx.codes.SEE_OTHER
    return stranger


# signing in


def test_a_stranger_is_sent_to_sign_in_and_brought_back(stranger: Browser) -> None:
    sent = stranger.ask("GET", "/ui/runs?status=failed")
    assert sent.headers["location"] == "/ui/sign-in?next=%2Fui%2Fruns%3Fstatus%3Dfailed"

    back = stranger.sign_in(path=sent.headers["location"])

    assert back.headers["location"] == "/ui/runs?status=failed"
    cookie = back.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.ask("GET", "/ui/runs").status_code == httpx.codes.OK


@pytest.mark.parametrize(
    "sign", [{"sec-fetch-mode": "cors"}, {"x-headway": "script"}, {"hx-request": "true"}]
)
def test_a_script_of_a_stranger_is_told_and_not_sent_elsewhere(
    stranger: Browser, sign: dict[str, str]
) -> None:
    """Over plain HTTP from another machine browsers send no `Sec-Fetch-Mode`."""
    answer = stranger.ask("GET", "/ui/list/rows?ids=a", headers=sign)

    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_wrong_secret_opens_nothing_and_ten_of_them_have_to_wait(stranger: Browser) -> None:
    for _ in range(10):
        refused = stranger.sign_in("wrong")
        assert refused.status_code == httpx.codes.FORBIDDEN
        assert "That is not the secret of this server." in refused.text

    too_many = stranger.sign_in()

    assert too_many.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert too_many.headers["retry-after"] == "300"
    assert stranger.cookies == {}
    stranger.services.clock.advance(301)
    assert stranger.sign_in().status_code == httpx.codes.SEE_OTHER


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.org/",
        "//example.org",
        "/\\example.org",
        "/ui/\\example.org",
        "/metrics",
        "javascript:x",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(stranger: Browser, elsewhere: str) -> None:
    answer = stranger.ask("POST", "/ui/sign-in", params={"next": elsewhere}, data={"secret": SECRET})

    assert answer.headers["location"] == "/ui/"


def test_who_has_signed_in_goes_on_from_the_form(browser: Browser) -> None:
    assert browser.ask("GET", "/ui/sign-in").headers["location"] == "/ui/"
    assert browser.ask("GET", "/ui/sign-in?next=/ui/system").headers["location"] == "/ui/system"


def test_a_session_that_nobody_used_is_over(browser: Browser) -> None:
    browser.services.clock.advance((IDLE_FOR + timedelta(seconds=1)).total_seconds())

    assert browser.ask("GET", "/ui/").status_code == httpx.codes.SEE_OTHER


def test_a_session_of_another_secret_opens_nothing(stranger: Browser) -> None:
    stranger.cookies[COOKIE] = open_session(stranger.services.context, owner="another", agent="")

    assert stranger.ask("GET", "/ui/").status_code == httpx.codes.SEE_OTHER


def test_signing_out_ends_the_session_on_the_server(browser: Browser) -> None:
    token = browser.token
    assert browser.change("/ui/sign-out").headers["hx-redirect"] == "/ui/sign-in"
    browser.cookies[COOKIE] = token

    assert browser.ask("GET", "/ui/").status_code == httpx.codes.SEE_OTHER


def test_another_browser_can_be_signed_out_and_all_of_them(browser: Browser) -> None:
    other = open_session(browser.services.context, owner=OWNER, agent="Firefox/140 Linux")
    assert "Firefox on Linux" in browser.ask("GET", "/ui/sessions").text

    ended = browser.change(f"/ui/sessions/{session_id_of(other)}/end")

    assert ended.headers["hx-redirect"] == "/ui/sessions"
    assert "Firefox on Linux" not in browser.ask("GET", "/ui/sessions").text
    browser.change("/ui/sign-out-everywhere")
    assert browser.ask("GET", "/ui/").status_code == httpx.codes.SEE_OTHER


@pytest.mark.parametrize(
    "path", ["/ui/list/cancel", "/ui/list/tag", "/ui/demo", "/ui/sign-out", "/ui/sessions/x/end"]
)
def test_a_change_without_the_token_of_the_page_is_refused(browser: Browser, path: str) -> None:
    browser.keep(1)
    headers = {"x-csrf-token": csrf_token_of("another")}

    assert browser.ask("POST", path, json={"ids": [run_id(1)]}).status_code == httpx.codes.FORBIDDEN
    assert browser.ask("POST", path, headers=headers).status_code == httpx.codes.FORBIDDEN
    found = browser.services.context.store.read(lambda tx: tx.get_run(run_id(1)))
    assert found.cancel_requested_at is None


@pytest.mark.parametrize(("origin", "is_secure"), [("https://localhost", True), ("http://localhost", False)])
def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(
    stranger: Browser, origin: str, is_secure: bool
) -> None:
    answer = stranger.ask("POST", "/ui/sign-in", headers={"origin": origin}, data={"secret": SECRET})

    assert ("secure" in answer.headers["set-cookie"].lower()) is is_secure


def test_a_store_that_is_away_is_told_to_people_and_to_scripts(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise StoreUnavailable("the database does not answer")

    monkeypatch.setattr(browser.services.context.store, "read", fail)
    page = browser.ask("GET", "/ui/runs")
    told = browser.ask("GET", "/ui/runs", headers={"x-headway": "script"})

    assert page.status_code == told.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "The store does not answer" in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert told.json() == {"message": "the database does not answer"}


def test_an_address_that_leads_nowhere_is_told_on_a_page(browser: Browser) -> None:
    answer = browser.ask("GET", "/ui/there-is-no-such-page")

    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "There is nothing here" in answer.text


# what pages say


@pytest.mark.parametrize("path", [*PAGES, "/ui/sign-in"])
def test_no_page_runs_anything_that_is_written_into_it(browser: Browser, path: str) -> None:
    browser.keep(1, name=HOSTILE, notes=HOSTILE)
    if path == "/ui/sign-in":
        browser.cookies.clear()
    answer = browser.ask("GET", path)

    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=\"", answer.text)
    assert "<script>alert" not in answer.text


def test_what_cannot_be_listed_is_told_on_the_page(browser: Browser) -> None:
    answer = browser.ask("GET", "/ui/runs?status=%3Cb%3E")

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "status = &#39;&lt;b&gt;&#39; is not allowed" in answer.text


def test_an_empty_server_explains_itself_and_offers_the_demo(browser: Browser) -> None:
    assert 'id="demo"' in browser.ask("GET", "/ui/").text
    assert "No runs yet" in browser.ask("GET", "/ui/runs").text

    begun = browser.change("/ui/demo")

    assert begun.status_code == httpx.codes.CREATED
    assert begun.json()["page"] == f"/ui/runs/{begun.json()['id']}"
    found = browser.ask("GET", "/ui/runs").text
    assert "Demo: PPO on packaged daily bars" in found


def test_the_demo_says_what_is_missing(browser: Browser) -> None:
    browser.services.engines.missing.add("ppo")

    assert "The demo cannot run here: ppo is not installed" in browser.ask("GET", "/ui/").text
    assert browser.change("/ui/demo").json() == {"message": "ppo is not installed"}


def test_a_list_goes_on_where_the_page_before_ended(browser: Browser) -> None:
    browser.keep(*range(60))
    first = browser.ask("GET", "/ui/runs?sort=name&order=asc").text
    link = re.search(r'href="([^"]+)" data-go rel="next"', first)
    assert link is not None

    second = browser.ask("GET", link[1].replace("&amp;", "&")).text

    shown = [set(re.findall(r'<tr id="(\w+)"', text)) for text in (first, second)]
    assert [len(ids) for ids in shown] == [50, 10]
    assert not shown[0] & shown[1]
    assert "60 runs" in second


@pytest.mark.parametrize(
    ("sort", "word", "shown"),
    [("finished", "Ended", [30, 20]), ("started", "Started", [8, 9]), ("name", "Created", [1, 2])],
)
def test_the_time_of_a_row_is_the_one_that_its_column_names(
    browser: Browser, sort: str, word: str, shown: list[int]
) -> None:
    for number, started, finished in ((1, 8, 30), (2, 9, 20)):
        browser.keep(number, state=State.DONE, started_at=moment(started), finished_at=moment(finished))

    page = browser.ask("GET", f"/ui/runs?sort={sort}").text

    heads = re.findall(r'<th scope="col"[^>]*><a[^>]*>(Created|Started|Ended)<', page)
    rows = dict(
        re.findall(
            r'<tr id="(\w+)".*?<td class="created" data-live><time data-brief datetime="([^"]+)"',
            page,
            re.DOTALL,
        )
    )
    assert heads == [word]
    assert [rows[run_id(number)] for number in (1, 2)] == [format_utc(moment(at)) for at in shown]


def test_a_run_without_an_end_has_none_in_a_list_by_end(browser: Browser) -> None:
    browser.keep(1)

    for page in ("/ui/runs?sort=finished", f"/ui/list/rows?sort=finished&ids={run_id(1)}"):
        assert '<td class="created" data-live>–</td>' in browser.ask("GET", page).text


def test_several_runs_are_cancelled_and_why_others_are_not(browser: Browser) -> None:
    browser.keep(1, 2)
    browser.keep(3, state=State.DONE)
    ids = [run_id(number) for number in (1, 2, 3)]

    found = browser.change("/ui/list/cancel", {"ids": [*ids, "tr_absent"]}).json()

    assert found["done"] == ids[:2]
    assert sorted(found["left"]) == sorted([ids[2], "tr_absent"])
    assert "has ended" in found["left"][ids[2]]


def test_a_tag_is_added_to_those_that_a_run_has(browser: Browser) -> None:
    browser.keep(1, tags=("old",))

    assert browser.change("/ui/list/tag", {"ids": [run_id(1)], "tag": "new"}).json()["done"] == [run_id(1)]
    assert browser.change("/ui/list/tag", {"ids": [run_id(1)], "tag": "new"}).json()["done"] == [run_id(1)]

    run = browser.services.context.store.read(lambda tx: tx.get_run(run_id(1)))
    assert run.tags == ("old", "new")
    assert browser.change("/ui/list/tag", {"ids": [run_id(1)], "tag": "no good"}).status_code == 422
    assert browser.change("/ui/list/tag", {"ids": []}).status_code == 422


def test_rows_that_are_asked_for_again_are_those_that_there_are(browser: Browser) -> None:
    browser.keep(1, name="a name")

    found = browser.ask("GET", f"/ui/list/rows?ids={run_id(1)},{run_id(2)},nothing").text

    assert re.findall(r'<tr id="(\w+)"', found) == [run_id(1)]


def test_runs_that_came_since_the_list_was_shown_are_counted_as_it_is_filtered(browser: Browser) -> None:
    browser.keep(1, created_at=browser.services.clock.now() - timedelta(seconds=1))
    shown = re.search(r'data-shown-at="([^"]+)"', browser.ask("GET", "/ui/runs").text)
    assert shown is not None
    browser.services.clock.advance(1)
    browser.keep(2, 3, created_at=browser.services.clock.now())
    browser.keep(4, created_at=browser.services.clock.now(), tags=("own",))

    def count(**query: str) -> str:
        params = {"ids": "", "shown_at": shown[1], **query}
        return browser.ask("GET", "/ui/list/rows", params=params).text

    assert 'data-new="3"' in count()
    assert 'data-new="1"' in count(tag="own")
    assert browser.ask("GET", "/ui/list/rows?shown_at=yesterday").status_code == 422


def test_the_system_page_shows_the_queue_in_its_order(browser: Browser) -> None:
    browser.keep(1, 2)

    found = browser.ask("GET", "/ui/system").text

    assert found.index(run_id(1)) < found.index(run_id(2))
    assert "CPU 0" in found
    assert "HEADWAY_MIN_FREE_MB" in found
