"""What stands before every route: to whom a request is addressed, whose page asks, how large and slow it may be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from headway.api.app import make_app
from headway.api.guards import MAX_HEAD_BYTES, MAX_TARGET_BYTES, LimitBody
from headway.api.hosts import Hosts, RequireHost, is_loopback, make_hosts
from headway.cli.serve import _find_dangers
from headway.domain.errors import InvalidInput
from headway.settings import Settings, read_settings
from tests.integration.calling import SECRET, Api

JOBS = "/api/training/jobs"


def _ask(api: Api, host: str, path: str = JOBS, **headers: str) -> httpx.Response:
    return api.ask("GET", path, headers={"host": host, **headers})


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:5000"],
)
def test_loopback_names_are_answered_with_and_without_a_port(api: Api, host: str) -> None:
    assert _ask(api, host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5000", "localhost.evil.example", "localhost@evil.example", "evil.example/localhost",
     "localhost:99999", "localhost:x", "", "127.0.0.2", "0.0.0.0", "10.0.0.7", "localhost#", "[::1", "\xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", [JOBS, "/metrics", "/openapi.json"])
def test_a_request_that_is_addressed_to_somebody_else_is_refused(api: Api, host: str, path: str) -> None:
    answer = api.ask("GET", path, headers={"host": host.encode("latin-1")})

    assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (
        400,
        "invalid_input",
        "Host",
    )
    assert "HEADWAY_HOSTS" in answer.json()["remedy"]


def test_the_host_is_looked_at_before_the_secret(api: Api) -> None:
    answer = api.ask("POST", JOBS, secret=None, headers={"host": "evil.example"}, content="x" * (1 << 20))
    assert answer.status_code == 400


def test_health_answers_to_any_name(api: Api) -> None:
    assert _ask(api, "evil.example", "/health", origin="https://evil.example").status_code == 200


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:5000", "http://localhost:5000", 200),
        ("localhost", "http://localhost", 200),
        ("localhost:80", "http://localhost", 200),
        ("localhost", "https://localhost", 200),  # a proxy ended TLS
        ("localhost", "https://localhost:443", 200),
        ("localhost:5000", "http://localhost:5001", 403),
        ("localhost:5000", "http://127.0.0.1:5000", 403),
        ("localhost:5000", "http://evil.example", 403),
        ("localhost:5000", "http://evil.example:5000", 403),
        ("localhost", "null", 403),
        ("localhost", "", 403),
        ("localhost", "file://", 403),
        ("localhost", "localhost", 403),
        ("localhost", "http://localhost@evil.example", 403),
        ("localhost", "http://localhost.evil.example", 403),
    ],
)
def test_only_pages_of_the_server_itself_may_ask(api: Api, host: str, origin: str, status: int) -> None:
    answer = _ask(api, host, origin=origin)

    assert answer.status_code == status
    assert status == 200 or answer.json()["error"] == "forbidden"


def test_a_foreign_page_learns_nothing_from_asking_beforehand(api: Api) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = api.ask("OPTIONS", JOBS, secret=None, headers=asked)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("bind", "names", "host", "server", "allowed"),
    [
        ("10.0.0.7", (), "10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", (), "localhost", "10.0.0.7", True),
        ("10.0.0.7", (), "10.0.0.8", "10.0.0.7", False),
        ("0.0.0.0", (), "10.0.0.7", "10.0.0.7", True),
        ("0.0.0.0", (), "10.0.0.8", "10.0.0.7", False),
        ("::", (), "[fe80::1]", "fe80::1", True),
        ("::1", (), "[::1]", "::1", True),
        ("127.0.0.1", ("Lab.example",), "lab.example", "127.0.0.1", True),
        ("127.0.0.1", ("lab.example",), "LAB.example", "127.0.0.1", True),
        ("127.0.0.1", ("lab.example",), "sub.lab.example", "127.0.0.1", False),
        ("127.0.0.1", ("[fe80::1]",), "[fe80::1]", "127.0.0.1", True),
        ("127.0.0.1", ("*",), "anything.example", "127.0.0.1", True),
    ],
)
def test_the_names_are_those_of_the_bind_address_and_the_setting(
    bind: str, names: tuple[str, ...], host: str, server: str, *, allowed: bool
) -> None:
    assert _passes(make_hosts(bind, names), host, server) is allowed


def _passes(hosts: Hosts, host: str, server: str, kind: str = "http") -> bool:
    reached = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        assert message["type"] in ("http.response.start", "http.response.body", "websocket.close")

    scope = {"type": kind, "path": "/", "server": (server, 1), "headers": [(b"host", host.encode())]}
    asyncio.run(RequireHost(app, hosts=hosts)(scope, receive, send))
    return bool(reached)


def test_websockets_are_held_to_the_same_names() -> None:
    assert _passes(Hosts(), "localhost", "127.0.0.1", "websocket")
    assert not _passes(Hosts(), "evil.example", "127.0.0.1", "websocket")


def test_two_hosts_or_none_are_no_address(api: Api) -> None:
    for headers in ([], [(b"host", b"localhost"), (b"host", b"evil.example")]):
        assert _status_of_raw(api, headers) == 400
    assert _status_of_raw(api, [(b"host", b"localhost")]) == 401


def _status_of_raw(api: Api, headers: list[tuple[bytes, bytes]], **scope: Any) -> int:
    """The status for a scope as a server makes it."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    full = {"type": "http", "method": "GET", "path": JOBS, "query_string": b"", "headers": headers, **scope}
    asyncio.run(api.app(full, receive, send))
    return int(sent[0]["status"])


def test_an_application_can_be_given_other_names(api: Api) -> None:
    hosts = make_hosts("127.0.0.1", ["lab.example"])
    lab = Api(
        api.services,
        api.service,
        make_app(api.service, secret=SECRET, version="0", hosts=hosts),
        api.watcher,
        api.predictor,
    )

    assert _ask(lab, "lab.example:8080").status_code == 200
    assert _ask(lab, "evil.example").status_code == 400


def test_an_address_or_headers_that_are_too_long_are_refused(api: Api) -> None:
    fits = api.ask("GET", f"{JOBS}?state=done&x={'y' * (MAX_TARGET_BYTES - 100)}")
    long = api.ask("GET", f"{JOBS}?x={'y' * MAX_TARGET_BYTES}")
    path = api.ask("GET", f"{JOBS}/{'y' * MAX_TARGET_BYTES}/status")
    heavy = api.ask("GET", JOBS, headers={"x-more": "y" * MAX_HEAD_BYTES})

    assert fits.status_code == 200
    assert [answer.status_code for answer in (long, path, heavy)] == [414, 414, 431]
    assert {answer.json()["error"] for answer in (long, path, heavy)} == {"too_large"}
    assert heavy.headers["connection"] == "close"


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it has no body yet")

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(LimitBody(app, patience_s=0.01)({"type": "http"}, receive, send))

    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert b'"too_slow"' in sent[1]["body"]


def test_the_names_of_the_setting_are_split_and_looked_at(tmp_path: Path) -> None:
    found = read_settings(hosts="lab.example, 10.0.0.7,[::2], *", data_dir=tmp_path)

    assert found.hosts == ("lab.example", "10.0.0.7", "[::2]", "*")
    for wrong in ("http://lab.example", "lab.example:5000", "lab.example/x", "*.example", "a b"):
        with pytest.raises(InvalidInput, match="HEADWAY_HOSTS"):
            read_settings(hosts=wrong, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("bind", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("10.0.0.7", False), ("::", False), ("lab.example", False)],
)  # fmt: skip
def test_a_server_that_others_can_reach_warns(bind: str, tmp_path: Path, *, loopback: bool) -> None:
    assert is_loopback(bind) is loopback
    warnings = _find_dangers(Settings(bind=bind, data_dir=tmp_path))
    assert (warnings == []) is loopback


def test_a_server_that_answers_to_any_name_warns(tmp_path: Path) -> None:
    (warning,) = _find_dangers(Settings(hosts=("*",), data_dir=tmp_path))
    assert "HEADWAY_HOSTS" in warning


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_there_is_no_page_that_runs_scripts_of_another_site(api: Api, path: str) -> None:
    assert _ask(api, "localhost", path).status_code == 404


@pytest.mark.parametrize("path", [JOBS, "/openapi.json", "/metrics", "/health"])
def test_what_a_browser_opens_of_the_api_may_run_nothing(api: Api, path: str) -> None:
    headers = _ask(api, "localhost", path).headers

    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'self'"
    assert headers["x-content-type-options"] == "nosniff"
