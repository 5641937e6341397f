"""The jobs API (`/api/training`) from the caller's side: synchronous, retrying, typed errors."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeAlias

import httpx

from headway.client.answers import END, Body, LogPiece, News, document_of, job_of, piece_of
from headway.client.client import Client
from headway.client.connection import JOBS_ROOT
from headway.client.errors import ApiError, ServerUnreachable
from headway.domain.ids import require_run_id
from headway.domain.json import JsonObject, encode_json
from headway.domain.states import State

Stream: TypeAlias = Generator[News | None, None, None]  # None is a keep-alive

SILENCE_S = 45.0  # three keep-alives missed
_CAUGHT_UP_SILENCE_S = 2.0
_JSON = {"Content-Type": "application/json"}


class JobsClient(Client):
    """Jobs of one server (see `Client`)."""

    ROOT = JOBS_ROOT

    def submit(self, request: JsonObject, idempotency_key: str) -> Body:
        """POST /jobs: the answer of 202. The key goes with every try, so that one job comes of them all."""
        headers = {**_JSON, "Idempotency-Key": idempotency_key}
        return self._ask("POST", "/jobs", content=encode_json(request), headers=headers)

    def list(self, *, limit: int = 50, state: str | None = None, cursor: str | None = None) -> Body:
        """GET /jobs: a page, newest first; `nextCursor` leads to the next."""
        asked = {"limit": limit, "state": state, "cursor": cursor}
        return self._ask(
            "GET", "/jobs", params={key: value for key, value in asked.items() if value is not None}
        )

    def status(self, job_id: str, *, retry: bool = True) -> Body:
        """GET /jobs/{id}/status: `{job}`. Without `retry` one try is made."""
        path = f"{_path(job_id)}/status"
        return self._ask("GET", path) if retry else document_of(self.connection.send("GET", path))

    def results(self, job_id: str) -> Body:
        """GET /jobs/{id}/results; ApiError `not_ready` before the end."""
        return self._ask("GET", f"{_path(job_id)}/results")

    def queue(self) -> Body:
        """GET /queue: what runs, what waits, the slots."""
        return self._ask("GET", "/queue")

    def cancel(self, job_id: str) -> Body:
        """DELETE /jobs/{id}. A try that finds the job cancelled by an earlier try of this call is no error."""
        tries: list[str] = []

        def ask() -> Body:
            tries.append(job_id)
            return document_of(self.connection.send("DELETE", _path(job_id)))

        try:
            return self.connection.retrying(ask)
        except ApiError as error:
            if len(tries) == 1 or error.body.get("state") != State.CANCELLED:
                raise
        job = job_of(self.status(job_id))
        return {name: job.get(name) for name in ("jobId", "state", "cancelRequestedAt")}

    def resume(self, job_id: str, **limits: float) -> Body:
        """POST /jobs/{id}/resume; `limits` are wire names: maxDurationHours, maxCostUsd.

        It carries no key, so it is tried again only when the request cannot have reached the server.
        """
        path, content = f"{_path(job_id)}/resume", encode_json(limits)
        return self.connection.retrying(
            lambda: document_of(self.connection.send("POST", path, content=content, headers=_JSON)),
            repeatable=False,
        )

    def logs(self, job_id: str, *, tail: int = 200, offset: int | None = None) -> LogPiece:
        """GET /jobs/{id}/logs: the last lines of the console, or what follows an offset."""
        path, params = f"{_path(job_id)}/logs", {"tail": tail} if offset is None else {"offset": offset}
        answer = self.connection.retrying(lambda: self.connection.send("GET", path, params=params))
        return piece_of(answer, offset or 0)

    def events(self, job_id: str, *, after: int = 0, follow: bool = True) -> Iterator[News]:
        """What is told after a seq. With `follow`: over one connection, until the job or the connection ends
        (a Follower reconnects). Without: the kept events up to now."""
        if follow:
            return (news for news in self.stream(job_id, after=after) if news is not None)
        return iter(self.connection.retrying(lambda: self._list_kept(job_id, after)))

    def stream(self, job_id: str, *, after: int = 0, silence_s: float = SILENCE_S) -> Stream:
        """One connection to /jobs/{id}/events; None is a keep-alive. Ends when the server closes it; raises
        ServerUnreachable when it breaks or nothing comes for `silence_s`."""
        path = f"{_path(job_id)}/events"
        return self.connection.stream(path, after=after, silence_s=silence_s, follow=True)

    def _list_kept(self, job_id: str, after: int) -> Sequence[News]:
        path, silence_s = f"{_path(job_id)}/events", _CAUGHT_UP_SILENCE_S
        with closing(self.connection.stream(path, after=after, silence_s=silence_s, follow=False)) as stream:
            return [*_kept(stream)]

    def _ask(self, method: str, path: str, **arguments: Any) -> Body:
        answer = self.connection.retrying(lambda: self.connection.send(method, path, **arguments))
        return document_of(answer)


def _path(job_id: str) -> str:
    return f"/jobs/{require_run_id(job_id)}"


def _kept(stream: Stream) -> Iterator[News]:
    """Kept events until the server has no more: it says the end, keeps alive, repeats itself or falls silent."""
    transient = 0
    try:
        for news in stream:
            transient = transient + 1 if news is not None and news.seq is None else 0
            if news is None or news.kind == END or transient > 1:
                return
            if news.seq is not None:
                yield news
    except ServerUnreachable as error:
        if not isinstance(error.__cause__, httpx.ReadTimeout):
            raise
