"""Those who are told of events, by a real server: webhooks and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from headway.cli.main import app
from tests.e2e.harness import SECRET, Server, free_port, running_server
from tests.fakes.postgres import PostgresServer
from tests.fakes.receiver import Answer, Receiver, running_receiver
from tests.waiting import eventually

pytestmark = pytest.mark.slow

_STAGED = "tests.fakes.staged_server"
_ALLOWED = {"HEADWAY_WEBHOOKS_ALLOW_HTTP": "true", "HEADWAY_WEBHOOKS_ALLOW_PRIVATE": "true"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as started:
        yield started


def _hook(server: Server, receiver: Receiver, **body: Any) -> dict[str, Any]:
    answer = _ask(server, "POST", "", json={"url": receiver.url, **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _ask(server: Server, method: str, path: str, **arguments: Any) -> httpx.Response:
    return server.call(method, f"/api/webhooks{path}", **arguments)


def _train(server: Server) -> str:
    job_id = server.submit(notes="quick")
    server.wait_for(job_id, "done")
    return job_id


def _wait_for_end(receiver: Receiver) -> None:
    eventually(lambda: receiver.messages and receiver.kinds[-1] == "run_ended", what="the end is told")


def test_a_receiver_is_told_a_run_from_its_beginning_to_its_end_in_order(
    tmp_path: Path, receiver: Receiver
) -> None:
    with (
        running_server(tmp_path, module=_STAGED, **_ALLOWED) as server,
        running_receiver() as silent,
    ):
        silent.answer(Answer(hold=True))
        _hook(server, silent)
        made = _hook(server, receiver)

        job_id = _train(server)
        _wait_for_end(receiver)

        assert len(silent.messages) == 1  # it still has not answered, and held up nobody
        silent.stopping.set()
        for message in receiver.messages:
            message.verify(made["secret"])
        told = [message.content["data"] for message in receiver.messages]
        kept = server.events(job_id)
        assert [data["seq"] for data in told] == [event["seq"] for event in kept]
        assert receiver.kinds == [event["kind"] for event in kept]
        assert receiver.kinds[0] == "run_queued"
        assert {data["runId"] for data in told} == {job_id}


def test_a_server_killed_after_it_sent_sends_the_same_id_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answer(Answer(hold=True), Answer())
    with running_server(tmp_path, module=_STAGED, **_ALLOWED) as server:
        _hook(server, receiver, kinds=["run_queued", "run_ended"])
        job_id = server.submit(notes="quick")
        eventually(lambda: receiver.messages, what="the first message")

        server.kill()
        server.start()
        server.wait_for(job_id, "done")
        _wait_for_end(receiver)

    assert receiver.kinds == ["run_queued", "run_queued", "run_ended"]
    assert receiver.ids[0] == receiver.ids[1]


def test_a_receiver_that_comes_up_later_is_told_what_it_missed(tmp_path: Path) -> None:
    with running_receiver() as first:
        port = first.port
    with running_server(tmp_path, module=_STAGED, **_ALLOWED) as server:
        _hook(server, first, kinds=["run_ended"])
        _train(server)
        (hook,) = _ask(server, "GET", "").json()["webhooks"]
        eventually(lambda: _tries(server, hook["id"]), what="a try that fails")

        with running_receiver(port) as second:
            _wait_for_end(second)


def test_the_commands_do_what_they_say(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["hooks", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    with running_server(tmp_path, module=_STAGED, **_ALLOWED) as server:
        monkeypatch.setenv("TRAIN_API_HOST", server.url)
        monkeypatch.setenv("ADMIN_SECRET", SECRET)
        made = json.loads(run("add", receiver.url, "--kind", "run_ended", "--json"))
        hook = made["webhook"]["id"]
        assert "delivered, answered 204" in run("test", hook)
        receiver.messages[-1].verify(made["secret"])
        receiver.answer(Answer(410))
        assert "answered 410" in run("test", hook, code=1)
        _train(server)
        eventually(lambda: "1 dead" in run("show", hook), what="the end is given up")
        assert "no: the receiver answered 410 Gone" in run("show", hook)
        assert receiver.ids[-1] in run("deliveries", hook, "--state", "dead")

        receiver.answer(Answer())
        run("change", hook, "--on")
        assert "1 to be sent again" in run("replay", hook, "--dead")
        eventually(lambda: "1 delivered" in run("show", hook), what="it is delivered")
        assert "1 to be sent again" in run("replay", hook, receiver.ids[-1])
        assert "whsec_" in run("rotate", hook)
        assert hook in run("list")
        run("remove", hook)
        assert "no webhook" in run("show", hook, code=1)
        assert "is not allowed" in run("add", "ftp://127.0.0.1", code=1)
        assert "expected wh_" in run("show", "../jobs", code=2)


def test_of_two_servers_on_one_database_each_message_is_sent_by_one(
    tmp_path: Path, receiver: Receiver, postgres: PostgresServer
) -> None:
    settings = {**_ALLOWED, "HEADWAY_DATABASE_URL": postgres.make_database()}
    with running_server(tmp_path, module=_STAGED, **settings) as first:
        port = free_port()
        environment = {**first.environment, "HEADWAY_PORT": str(port)}
        second = Server(first.data_dir, port, environment, module=first.module)
        second.start()
        try:
            _hook(first, receiver)
            jobs = [server.submit(notes="quick") for server in (first, second) * 3]
            for job_id in jobs:
                second.wait_for(job_id, "done")
            eventually(lambda: receiver.kinds.count("run_ended") == len(jobs), what="all ends are told")
        finally:
            second.stop()

        for job_id in jobs:
            told = [m.content["data"]["seq"] for m in receiver.messages if job_id in m.body]
            assert told == list(range(1, len(told) + 1))
        assert len(set(receiver.ids)) == len(receiver.ids)


def _tries(server: Server, webhook_id: str) -> int:
    found = _ask(server, "GET", f"/{webhook_id}/deliveries").json()["deliveries"]
    return int(found[0]["tries"]) if found else 0


def test_people_are_told_in_plain_words_and_no_url_is_logged(tmp_path: Path, receiver: Receiver) -> None:
    urls = f"json://user:hushhush@127.0.0.1:{receiver.port}/in,json://other:hushhush@127.0.0.1:1/in"
    settings = {
        "HEADWAY_NOTIFY_URLS": urls,
        "HEADWAY_PUBLIC_URL": "https://headway.example.org/",
        "HEADWAY_LOG_LEVEL": "DEBUG",
    }
    with running_server(tmp_path, module=_STAGED, **settings) as server:
        job_id = _train(server)
        eventually(lambda: receiver.messages, what="a message")
        log = server.data_dir / "server.log"
        eventually(lambda: "not everybody was told" in log.read_text(), what="the other failed")

        (message,) = receiver.messages
        told = json.loads(message.body)
        assert told["title"] == f"{job_id}: done"
        assert "The training ran to its end." in told["message"]
        assert "It ran for" in told["message"]
        assert f"https://headway.example.org/api/training/jobs/{job_id}/status" in told["message"]
        assert "hushhush" not in log.read_text()
        assert str(receiver.port) not in log.read_text()
        assert server.call("GET", "/health").is_success
