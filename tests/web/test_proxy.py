"""Behind nginx with TLS, set up as the documentation says: pages, sockets, streams and the client work as without."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from headway.control.sessions import COOKIE
from tests.e2e.harness import SECRET, Server, running_server
from tests.fakes.nginx import NAME, Proxy, find_nginx, running_nginx
from tests.web.browsing import LAUNCH, find_chromium, let_go, submit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(find_nginx() is None, reason="needs nginx (Debian: apt-get install nginx-light)"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, for a certificate"),
]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("behind")
    changes = {"HEADWAY_CPU_SLOTS": "8", "HEADWAY_HOSTS": NAME}
    with running_server(folder, module="tests.fakes.staged_server", **changes) as started:
        yield started


@pytest.fixture(scope="module")
def proxy(behind: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running_nginx(find_nginx() or "", tmp_path_factory.mktemp("nginx"), behind.port) as started:
        yield started


@pytest.fixture
def page(browser: Browser, proxy: Proxy) -> Iterator[Page]:
    """A page of somebody who comes by the name of the proxy, and has signed in."""
    finds = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    theirs = browser.browser_type.launch(executable_path=find_chromium(), args=[*LAUNCH, finds])
    page = theirs.new_context(base_url=proxy.url, ignore_https_errors=True).new_page()
    page.goto("/ui/runs")
    page.get_by_label("Admin secret").fill(SECRET)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/ui/runs$"))
    yield page
    theirs.close()


def test_a_run_is_watched_live_and_cancelled_through_the_proxy(page: Page, behind: Server) -> None:
    run_id = submit(behind, "talk", ended=False)
    page.goto(f"/ui/runs/{run_id}")

    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator("#console .line").last).to_have_text(re.compile("line [0-9]+"))
    expect(page.locator(".chart figcaption").first).to_have_text("Loss")
    page.get_by_role("button", name="Cancel").first.click()
    page.locator("#cancel-dialog").get_by_role("button", name=re.compile("Cancel")).first.click()
    expect(page.locator(".badge")).to_have_text("cancelled")


def test_the_cookie_of_the_session_is_sent_over_tls_alone(page: Page) -> None:
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}

    kept = cookies[COOKIE]
    assert (kept["secure"], kept["httpOnly"], kept["sameSite"]) == (True, True, "Strict")


def test_events_come_one_by_one_and_not_at_the_end(proxy: Proxy, behind: Server) -> None:
    run_id = submit(behind, "talk", ended=False)
    address = f"https://127.0.0.1:{proxy.port}/api/training/jobs/{run_id}/events"
    names = {"Host": f"{NAME}:{proxy.port}", "x-admin-secret": SECRET}
    with (
        httpx.Client(verify=proxy.trust(), trust_env=False, timeout=30.0) as client,
        client.stream("GET", address, headers=names, extensions={"sni_hostname": NAME}) as answer,
    ):
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(3)]
        assert behind.job(run_id)["state"] not in {"done", "failed"}
        let_go(behind, run_id)
        rest = list(lines)

    assert any(line.startswith("event:") for line in first)
    assert "event: end" in rest


def test_metrics_are_not_for_those_outside(proxy: Proxy) -> None:
    with httpx.Client(verify=proxy.trust(), trust_env=False) as client:
        codes = [
            client.get(
                f"https://127.0.0.1:{proxy.port}{path}",
                headers={"Host": NAME, "x-admin-secret": SECRET},
                extensions={"sni_hostname": NAME},
            ).status_code
            for path in ("/metrics", "/health")
        ]

    assert codes == [404, 200]
