"""Examples and errors of the routes of webhooks, for OpenAPI."""

from __future__ import annotations

from headway.api.examples import AT, JOB_ID, OF_BODIES, Responses, respond

WEBHOOK_ID = "wh_1764000000000_0f1e2d3c"
DELIVERY_ID = "msg_1764000000000_0f1e2d3c_42"

_WEBHOOK = {
    "id": WEBHOOK_ID,
    "url": "https://hooks.example.org/headway",
    "kinds": ["run_ended"],
    "engine": None,
    "runId": None,
    "description": "tells the team",
    "active": True,
    "inactiveWhy": None,
    "createdAt": AT,
    "oldSecretUntil": None,
    "deliveries": {"waiting": 0, "delivered": 12, "dead": 1},
}
_BODY = (
    f'{{"type":"run_ended","timestamp":"{AT}","data":{{"runId":"{JOB_ID}","engine":"ppo","label":"","seq":9,'
    '"attempt":1,"details":{"state":"done","reason":"completed"}}}'
)
_DELIVERY = {
    "id": DELIVERY_ID,
    "runId": JOB_ID,
    "kind": "run_ended",
    "state": "dead",
    "tries": 10,
    "status": 500,
    "error": "answered 500",
    "createdAt": AT,
    "nextAt": None,
    "endedAt": AT,
    "body": _BODY,
}
_SECRET = {"webhook": _WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


def of_create() -> Responses:
    return respond(201, _SECRET, "too_many_webhooks", *OF_BODIES)


def of_list() -> Responses:
    return respond(200, {"webhooks": [_WEBHOOK]})


def of_one() -> Responses:
    return respond(200, {"webhook": _WEBHOOK}, "webhook_not_found")


def of_change() -> Responses:
    return respond(200, {"webhook": _WEBHOOK}, "webhook_not_found", *OF_BODIES)


def of_removal() -> Responses:
    found = respond(204, None, "webhook_not_found")
    return {**found, 204: {"description": "It is gone"}}


def of_test() -> Responses:
    example = {"delivered": False, "status": None, "error": "no answer: connection refused"}
    return respond(200, example, "webhook_not_found")


def of_rotation() -> Responses:
    return respond(200, _SECRET, "webhook_not_found")


def of_deliveries() -> Responses:
    return respond(200, {"deliveries": [_DELIVERY], "nextCursor": None}, "webhook_not_found")


def of_replay() -> Responses:
    waiting = {**_DELIVERY, "state": "waiting", "tries": 0, "nextAt": AT, "endedAt": None}
    return respond(202, {"delivery": waiting}, "delivery_not_found")


def of_replay_dead() -> Responses:
    return respond(200, {"replayed": 3}, "webhook_not_found")
