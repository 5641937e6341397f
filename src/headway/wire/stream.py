"""Messages of WS `/runs/{id}/stream`: one JSON object each. docs/streaming.md is their page."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headway.wire.runs import CheckpointInfo, RunMetrics, RunProgress, Status, Wire

SUBPROTOCOL = "headway"
SECRET_SUBPROTOCOL = "headway.secret."  # noqa: S105  (what stands before a secret) and its base64url, without padding

DONE = 1000  # the run has ended and all of it was told
REFUSED = 1008  # no such run, no such cursor
BROKEN = 1011  # the server cannot read: connect again with the newest cursor
GOING_AWAY = 1012  # the server ends: connect again with the newest cursor
TOO_SLOW = 1013  # the reader did not read: connect again with the newest cursor
UNAUTHORIZED = 4401

EventType = Literal["metrics", "status", "log", "checkpoint"]


class StreamFrame(Wire):
    """One message. `cursor` is what to continue after; null while a first picture is not complete."""

    event_type: EventType
    timestamp: str
    data: dict[str, Any]
    cursor: str | None
    snapshot: bool = False  # how things stand, not something that happened now


class StatusData(Wire):
    """How the run stands after something happened. What is null did not change, or is not known."""

    run_id: str
    status: Status
    state: str | None = None  # of docs/states-and-reasons.md
    event: str | None = None  # a kind of docs/events.md, or `progress`
    attempt: int = 0
    progress: RunProgress | None = None
    eta_minutes: float | None = None
    reason: str | None = None
    reason_text: str | None = None
    remedy: str | None = None
    error: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)  # what the event carries
    final: bool = False  # the run has ended and nothing follows
    event_seq: int | None = None  # of a first picture: number of the newest kept event


class MetricsData(RunMetrics):
    """One row of numbers. Of the mission's names the newest of this attempt; `series` is the row as it was logged."""

    attempt: int = 0
    series: dict[str, float] = Field(default_factory=dict)


class LogData(Wire):
    """A note, or a stretch of the console: whole lines, with their ends."""

    message: str
    source: Literal["console", "note"]
    attempt: int
    level: str | None = None  # of a note
    offset: int | None = None  # byte of the console where the stretch begins


class CheckpointData(CheckpointInfo):
    attempt: int = 0
