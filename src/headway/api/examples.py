"""Examples and errors of every route, for OpenAPI."""

from __future__ import annotations

from typing import Any

from headway.wire.jobs import ErrorBody, RealSession

JOB_ID = "tr_1764000000000_0f1e2d3c"
AT = "2026-11-23T09:05:36.123456Z"

Responses = dict[int | str, dict[str, Any]]

_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "invalid_input": (
        400,
        {
            "message": "durationHours = 60 is not allowed: between 0.25 and 12 hours",
            "field": "durationHours",
            "value": 60,
            "bound": "between 0.25 and 12 hours",
            "remedy": "Give hours in that range, or raise maxDurationHours",
        },
    ),
    "unauthorized": (401, {"message": "the header x-admin-secret is missing or wrong"}),
    "forbidden": (403, {"message": "a page of another site asks: only pages of this server may"}),
    "too_slow": (408, {"message": "the body did not come within 10 seconds"}),
    "not_found": (404, {"message": f"there is no run '{JOB_ID}'"}),
    "webhook_not_found": (
        404,
        {"error": "not_found", "message": "there is no webhook 'wh_1764000000000_0f1e2d3c'"},
    ),
    "delivery_not_found": (404, {"error": "not_found", "message": "the webhook has no such delivery"}),
    "too_many_webhooks": (
        409,
        {"error": "conflict", "message": "there are 64 webhooks, which is the most: remove one"},
    ),
    "not_ready": (409, {"message": f"{JOB_ID} has not ended: it is training", "state": "training"}),
    "already_ended": (409, {"message": f"{JOB_ID} has ended (done)", "state": "done"}),
    "not_resumable": (
        409,
        {"message": f"{JOB_ID} is done: only a failed or cancelled run resumes", "state": "done"},
    ),
    "idempotency_conflict": (
        409,
        {"message": f"the idempotency key was used for {JOB_ID} with another body"},
    ),
    "conflict": (409, {"message": "the run moved on while the request was at work"}),
    "busy": (409, {"message": f"a session is under way: {JOB_ID}", "jobId": JOB_ID}),
    "too_large": (413, {"message": "the body is larger than 64 KiB", "bound": "at most 65536 bytes"}),
    "data_unavailable": (422, {"message": "no candles of BTC: run `headway data fetch BTC --timeframe 1h`"}),
    "rate_limited": (429, {"message": "2 runs an hour may be created", "retryAfterSeconds": 1740}),
    "too_long": (
        414,
        {
            "error": "too_large",
            "message": "path and query are larger than 4 KiB",
            "bound": "at most 4096 bytes",
        },
    ),
    "too_many_headers": (
        431,
        {
            "error": "too_large",
            "message": "the headers are larger than 32 KiB",
            "bound": "at most 32768 bytes",
        },
    ),
    "unavailable": (503, {"message": "the store does not answer"}),
}

_OF_ALL = ("unauthorized", "invalid_input", "forbidden", "too_long", "too_many_headers", "unavailable")
OF_BODIES = ("too_slow", "too_large")

_ACCEPTED = {"jobId": JOB_ID, "acceptedAt": AT, "estimatedDuration": "10 hours", "queuePosition": 0}
_METRICS = {
    "sharpe": 0.81,
    "returnPct": 12.4,
    "maxDDPct": 9.7,
    "ciSharpe95": [-0.35, 1.92],
    "winRate": 0.52,
    "generation": 2,
    "improvementPct": 14.1,
    "trades": 184,
    "turnover": 96.0,
    "buyAndHold": {"sharpe": 0.44, "returnPct": 8.1, "maxDDPct": 21.3},
    "intervalExcludesBuyAndHold": False,
}
_JOB = {
    "jobId": JOB_ID,
    "createdAt": AT,
    "state": "training",
    "progress": 0.41,
    "phase": "PPO epoch 49/123",
    "etaSeconds": 312.0,
    "durationHours": 10.0,
    "symbols": ["BTC"],
    "features": ["price", "depth"],
    "seed": 1337,
    "version": "1.1",
    "attempt": 1,
    "step": 401408,
    "stepsTotal": 1007616,
    "contact": {"state": "live", "heartbeatAt": AT},
}
_ENDED = {**_JOB, "state": "done", "progress": 1.0, "reason": "completed", "metrics": _METRICS}
_SUMMARY = {"queueLength": 0, "currentJob": JOB_ID, "isRunning": True}
_STREAM = """id: 3
event: training_started
data: {"seq":3,"kind":"training_started","at":"2026-11-23T09:05:36.123456Z","attempt":1,"data":{}}

event: progress
data: {"state":"training","fraction":0.41}

event: end
data: {"state":"done","reason":"completed"}
"""


_METRICS_TEXT = 'training_jobs_total{state="done"} 1.0\n'


def of_create() -> Responses:
    return respond(
        202,
        _ACCEPTED,
        *OF_BODIES,
        "idempotency_conflict",
        "data_unavailable",
        "rate_limited",
    )


def of_list() -> Responses:
    return respond(200, {"jobs": [_JOB], "total": 1, "queue": _SUMMARY, "nextCursor": None})


def of_status() -> Responses:
    return respond(200, {"job": _JOB}, "not_found")


def of_results() -> Responses:
    return respond(200, {"job": _ENDED, "metrics": _METRICS}, "not_found", "not_ready")


def of_queue() -> Responses:
    example = {"queueLength": 0, "isRunning": True, "slots": [{"kind": "cpu", "index": 0, "jobId": JOB_ID}]}
    return respond(200, example)


def of_logs() -> Responses:
    found = respond(200, None, "not_found")
    return {**found, 200: {"content": {"text/plain": {"example": "…\n"}}, "description": "Console output"}}


def of_events() -> Responses:
    found = respond(200, None, "not_found")
    return {**found, 200: {"content": {"text/event-stream": {"example": _STREAM}}, "description": "Events"}}


def of_cancel() -> Responses:
    example = {"jobId": JOB_ID, "state": "training", "cancelRequestedAt": AT}
    return respond(202, example, "not_found", "already_ended", "conflict")


def of_resume() -> Responses:
    return respond(202, _ACCEPTED, "not_found", "not_resumable", "conflict", *OF_BODIES)


def of_session() -> Responses:
    example = {"success": True, "message": "The training ran to its end.", "job": _ENDED, "metrics": _METRICS}
    found = respond(200, example, "busy", "data_unavailable", *OF_BODIES)
    failed = {"model": RealSession, "description": "The training failed or was cancelled"}
    return {**found, 500: failed, 503: {**found[503], "model": RealSession | ErrorBody}}


def of_health() -> Responses:
    return {
        200: {"content": {"application/json": {"example": {"status": "ok"}}}},
        503: {
            "content": {"application/json": {"example": {"status": "unavailable"}}},
            "description": "The store does not answer",
        },
    }


def of_metrics() -> Responses:
    found = {code: entry for code, entry in respond(200, None).items() if code not in (200, 401, 503)}
    return {**found, 200: {"content": {"text/plain": {"example": _METRICS_TEXT}}, "description": "Metrics"}}


def respond(status: int, example: dict[str, Any] | None, *codes: str) -> Responses:
    """The good answer with an example, and every error of the route with one."""
    found: Responses = {status: {"content": {"application/json": {"example": example}}}}
    for code in (*codes, *_OF_ALL):
        error_status, fields = _ERRORS[code]
        entry = found.setdefault(error_status, {"model": ErrorBody, "description": code})
        shown = entry.setdefault("content", {"application/json": {"examples": {}}})
        shown["application/json"]["examples"][code] = {"value": {"error": code, **fields}}
    return found
