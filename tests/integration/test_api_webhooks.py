"""`/api/webhooks` as its callers see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.client.sender import HttpSender
from headway.control.deliver import Deliverer
from headway.control.fan_out import fan_out
from headway.control.webhooks import MAX_WEBHOOKS
from headway.domain.webhooks import new_secret
from tests.fakes.receiver import Answer, Receiver, running_receiver
from tests.integration.calling import Api, make_api

_UNKNOWN = "wh_1700000000000_ffffffff"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as started:
        yield started


def _make(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.ask("POST", "/api/webhooks", json={"url": "https://hooks.example.org/in", **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _send(api: Api, webhook_id: str) -> None:
    """What the loop does."""
    context = api.services.context
    while fan_out(context):
        pass
    Deliverer(context).serve(webhook_id)


def _path(made: dict[str, Any], rest: str = "") -> str:
    return f"/api/webhooks/{made['webhook']['id']}{rest}"


def test_a_secret_is_told_once(api: Api) -> None:
    made = _make(api, kinds=["run_ended", "run_ended"], description="for the team")

    assert made["secret"].startswith("whsec_")
    assert made["webhook"]["kinds"] == ["run_ended"]
    for answer in (api.ask("GET", "/api/webhooks"), api.ask("GET", _path(made))):
        assert made["secret"] not in answer.text
    assert api.ask("GET", "/api/webhooks").json()["webhooks"] == [made["webhook"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "https://127.0.0.1"}, "url"),
        ({"url": "http://hooks.example.org"}, "url"),
        ({"url": "https://hooks.example.org", "kinds": ["run_finished"]}, "kinds.0"),
        ({"url": "https://hooks.example.org", "engine": "No Engine"}, "engine"),
        ({"url": "https://hooks.example.org", "runId": "tr_1700000000000_00000001"}, "runId"),
        ({"url": "https://hooks.example.org", "secret": "mine"}, "secret"),
        ({"url": "https://hooks.example.org", "description": "\0"}, "description"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(tmp_path: Path, body: dict[str, Any], field: str) -> None:
    answer = make_api(tmp_path, sender=HttpSender()).ask("POST", "/api/webhooks", json=body)

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["field"] == field


def test_webhooks_are_not_without_number(api: Api) -> None:
    for _ in range(MAX_WEBHOOKS):
        _make(api)

    answer = api.ask("POST", "/api/webhooks", json={"url": "https://hooks.example.org"})

    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


def test_a_change_leaves_what_it_does_not_name(api: Api) -> None:
    made = _make(api, kinds=["run_ended"], engine="ppo", description="old")

    changed = api.ask("PATCH", _path(made), json={"description": "new", "active": False}).json()["webhook"]
    assert changed == {
        **made["webhook"],
        "description": "new",
        "active": False,
        "inactiveWhy": "switched off",
    }
    again = api.ask("PATCH", _path(made), json={"active": True, "engine": None, "kinds": []}).json()[
        "webhook"
    ]
    assert again == {**made["webhook"], "description": "new", "engine": None, "kinds": []}


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate"),
        ("POST", "/replay"),
        ("GET", "/deliveries"),
        ("POST", "/deliveries/msg_1700000000000_ffffffff_1/replay"),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, method: str, rest: str) -> None:
    body: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
    answer = api.ask(method, f"/api/webhooks/{_UNKNOWN}{rest}", **body)

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_removed_webhook_is_gone(api: Api) -> None:
    made = _make(api)

    assert api.ask("DELETE", _path(made)).status_code == httpx.codes.NO_CONTENT
    assert api.ask("GET", _path(made)).status_code == httpx.codes.NOT_FOUND


def test_a_ping_is_signed_and_its_outcome_told(api: Api, receiver: Receiver) -> None:
    made = _make(api, url=receiver.url)
    receiver.answer(Answer(200), Answer(500))

    assert api.ask("POST", _path(made, "/test")).json() == {"delivered": True, "status": 200, "error": None}
    (message,) = receiver.messages
    assert message.content["type"] == "ping"

    refused = api.ask("POST", _path(made, "/test")).json()
    assert refused == {"delivered": False, "status": 500, "error": "answered 500"}


def test_events_arrive_and_their_deliveries_are_listed(api: Api, receiver: Receiver) -> None:
    made = _make(api, url=receiver.url)
    job_id = api.submit()

    _send(api, made["webhook"]["id"])

    (message,) = receiver.messages
    assert message.content["data"]["runId"] == job_id
    (delivery,) = api.ask("GET", _path(made, "/deliveries")).json()["deliveries"]
    assert (delivery["id"], delivery["state"], delivery["body"]) == (message.id, "delivered", message.body)
    counts = api.ask("GET", _path(made)).json()["webhook"]["deliveries"]
    assert counts == {"waiting": 0, "delivered": 1, "dead": 0}


def test_deliveries_come_in_pages(api: Api, receiver: Receiver) -> None:
    made = _make(api, url=receiver.url)
    for _ in range(3):
        api.submit()
    _send(api, made["webhook"]["id"])

    first = api.ask("GET", _path(made, "/deliveries"), params={"limit": 2}).json()
    rest = api.ask("GET", _path(made, "/deliveries"), params={"cursor": first["nextCursor"]}).json()

    assert [found["id"] for found in (*first["deliveries"], *rest["deliveries"])] == receiver.ids[::-1]
    assert rest["nextCursor"] is None
    dead = api.ask("GET", _path(made, "/deliveries"), params={"state": "dead"}).json()
    assert dead["deliveries"] == []
    wrong = api.ask("GET", _path(made, "/deliveries"), params={"cursor": "x"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "cursor")


def test_a_dead_delivery_is_replayed(api: Api, receiver: Receiver) -> None:
    made = _make(api, url=receiver.url)
    api.submit()
    receiver.answer(Answer(410), Answer(200))
    _send(api, made["webhook"]["id"])
    gone = api.ask("GET", _path(made)).json()["webhook"]
    assert (gone["active"], gone["inactiveWhy"]) == (False, "the receiver answered 410 Gone")

    api.ask("PATCH", _path(made), json={"active": True})
    (delivery,) = api.ask("GET", _path(made, "/deliveries")).json()["deliveries"]
    answer = api.ask("POST", _path(made, f"/deliveries/{delivery['id']}/replay"))
    assert (answer.status_code, answer.json()["delivery"]["state"]) == (202, "waiting")
    _send(api, made["webhook"]["id"])

    assert receiver.ids == [delivery["id"]] * 2
    assert api.ask("POST", _path(made, "/replay")).json() == {"replayed": 0}


def test_a_rotated_secret_is_another_and_the_old_one_has_a_day(api: Api) -> None:
    made = _make(api)

    rotated = api.ask("POST", _path(made, "/rotate")).json()

    assert rotated["secret"] not in (made["secret"], new_secret())
    assert rotated["webhook"]["oldSecretUntil"] == "2026-01-02T00:00:00.000000Z"


def test_webhooks_need_the_secret(api: Api) -> None:
    assert api.ask("GET", "/api/webhooks", secret=None).status_code == httpx.codes.UNAUTHORIZED
