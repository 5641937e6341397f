from __future__ import annotations

import pytest

from headway.client.errors import ApiError
from headway.client.jobs import JobsClient
from headway.client.logs import LogFollower
from headway.client.patience import ContactChange
from tests.unit.client.server import JOB, FakeServer, Reply, job

LOGS = f"/jobs/{JOB}/logs"
STATUS = f"/jobs/{JOB}/status"


def piece(content: bytes, next_offset: int) -> Reply:
    return Reply(200, content, (("X-Next-Offset", str(next_offset)),))


def test_a_log_is_told_once_to_its_end_after_the_job_has_ended(
    server: FakeServer, client: JobsClient
) -> None:
    server.answer(job(), job(), job("done"))
    server.on("GET", LOGS, piece(b"a\n", 2), piece(b"", 2), piece(b"b\n", 4), piece(b"", 4))
    assert b"".join(one.content for one in LogFollower(client, JOB).follow()) == b"a\nb\n"
    assert [one.query.get("offset") for one in server.asked("GET", LOGS)] == [None, "2", "2", "4"]


def test_the_log_of_a_new_attempt_is_told_from_its_start(server: FakeServer, client: JobsClient) -> None:
    server.answer(job(attempt=1), job(attempt=2), job("done", attempt=2))
    server.on("GET", LOGS, piece(b"first\n", 6), piece(b"second\n", 7), piece(b"", 7))
    assert [one.content for one in LogFollower(client, JOB).follow()] == [b"first\n", b"second\n"]
    assert [one.query.get("offset") for one in server.asked("GET", LOGS)] == [None, "0", "7"]


def test_a_lost_server_does_not_end_the_log(server: FakeServer, client: JobsClient) -> None:
    down = [Reply(dropped=True)] * 8
    server.on("GET", STATUS, *down, Reply(200, {"job": job("done")}))
    server.on("GET", LOGS, piece(b"a\n", 2), piece(b"", 2))
    changes: list[ContactChange] = []
    pieces = list(LogFollower(client, JOB, on_contact=changes.append).follow())
    assert [one.content for one in pieces] == [b"a\n"]
    assert [change.lost for change in changes] == [True, False]


def test_the_log_of_an_unknown_job_is_an_error(client: JobsClient) -> None:
    with pytest.raises(ApiError, match="nothing at"):
        list(LogFollower(client, JOB).follow())
