"""HEAD says of every resource what its GET would say."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from headway.api.head import AnswerHead
from headway.domain.states import State
from tests.factories import make_run, run_id
from tests.integration.calling import Api

JOBS = "/api/training/jobs"


def test_a_file_is_described_and_not_sent(api: Api) -> None:
    api.service.context.store.write(lambda tx: tx.insert_run(make_run(1, state=State.DONE, attempt=1)))
    folder = api.service.context.run_dir(run_id(1))
    folder.path.mkdir(parents=True)
    (folder.path / "report.html").write_text("<h1>Report</h1>" * 10_000)
    path = f"/runs/{run_id(1)}/artifacts/report.html"

    whole, head = api.ask("GET", path), api.ask("HEAD", path)
    part = api.ask("HEAD", path, headers={"Range": "bytes=10-19"})

    assert len(whole.content) == 150_000
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers
    assert (part.status_code, part.headers["content-range"]) == (206, "bytes 10-19/150000")
    assert part.content == b""


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/openapi.json", JOBS, "/runs", "/datasets", f"{JOBS}/nothing/status", "/nothing"],
)
def test_what_get_says_head_says_without_a_body(api: Api, path: str) -> None:
    got, head = api.ask("GET", path), api.ask("HEAD", path)

    assert (head.status_code, head.headers) == (got.status_code, got.headers)
    assert head.content == b""


def test_a_stream_without_end_is_left_as_soon_as_it_begins(api: Api) -> None:
    job_id = api.submit(symbols=["BTC"], features=["price"])

    head = api.ask("HEAD", f"{JOBS}/{job_id}/events")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(("path", "secret", "status"), [(JOBS, None, 401), (f"{JOBS}/tr_1/resume", "", 401)])
def test_nothing_more_is_told_than_to_get(api: Api, path: str, secret: str | None, status: int) -> None:
    assert api.ask("HEAD", path, secret=secret).status_code == status


def test_what_has_no_get_has_no_head(api: Api) -> None:
    job_id = api.submit(symbols=["BTC"], features=["price"])
    assert api.ask("HEAD", f"{JOBS}/{job_id}/resume").status_code == 405


def test_whoever_sends_on_is_told_that_the_client_is_gone() -> None:
    told: list[Message] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        told.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2):
            await send({"type": "http.response.body", "body": b"much", "more_body": True})
        told.append(await receive())

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(AnswerHead(app)({"type": "http", "method": "HEAD"}, receive, send))

    assert [message["type"] for message in told] == ["http.request", "http.disconnect"]
    assert sent == [
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b""},
    ]
