"""The webhooks API (`/api/webhooks`) from the caller's side."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from headway.client.answers import Body, document_of
from headway.client.connection import Connection
from headway.client.pacing import Pacing, Retry
from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject, encode_json
from headway.domain.webhooks import is_delivery_id, is_webhook_id

_ALL = "/webhooks"
_JSON = {"Content-Type": "application/json"}


class WebhooksClient:
    """A client of one server. Use as a context manager.

    Requests that may be repeated are repeated as those of JobsClient are. Every call raises ApiError for an error
    answer, ServerUnreachable when none came, and InvalidInput for an id that is none.
    """

    def __init__(
        self,
        host: str,
        secret: str,
        *,
        retry_for_s: float = 20.0,
        pacing: Pacing | None = None,
        on_retry: Callable[[Retry], None] | None = None,
    ) -> None:
        self._connection = Connection(
            host,
            secret,
            retry_for_s=retry_for_s,
            pacing=pacing or Pacing(),
            on_retry=on_retry or (lambda _retry: None),
            root="/api",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, request: JsonObject) -> Body:
        """POST: `{webhook, secret}`. Tried again only when the request cannot have reached the server."""
        return self._ask("POST", _ALL, content=encode_json(request), headers=_JSON)

    def list(self) -> Body:
        """GET: `{webhooks}`."""
        return self._ask("GET", _ALL)

    def get(self, webhook_id: str) -> Body:
        """GET /{id}: `{webhook}`."""
        return self._ask("GET", _path(webhook_id))

    def change(self, webhook_id: str, changes: JsonObject) -> Body:
        """PATCH /{id}: `{webhook}`; what is left out stays."""
        return self._ask("PATCH", _path(webhook_id), content=encode_json(changes), headers=_JSON)

    def remove(self, webhook_id: str) -> None:
        """DELETE /{id}."""
        self._connection.retrying(
            lambda: self._connection.send("DELETE", _path(webhook_id)), repeatable=False
        )

    def rotate(self, webhook_id: str) -> Body:
        """POST /{id}/rotate: `{webhook, secret}`."""
        return self._ask("POST", f"{_path(webhook_id)}/rotate")

    def test(self, webhook_id: str) -> Body:
        """POST /{id}/test: `{delivered, status, error}`."""
        return self._ask("POST", f"{_path(webhook_id)}/test")

    def deliveries(
        self, webhook_id: str, *, limit: int = 50, state: str | None = None, cursor: str | None = None
    ) -> Body:
        """GET /{id}/deliveries: a page, newest event first; `nextCursor` leads to the next."""
        asked = {"limit": limit, "state": state, "cursor": cursor}
        params = {name: value for name, value in asked.items() if value is not None}
        return self._ask("GET", f"{_path(webhook_id)}/deliveries", params=params)

    def replay(self, webhook_id: str, delivery_id: str) -> Body:
        """POST /{id}/deliveries/{id}/replay: `{delivery}`."""
        if not is_delivery_id(delivery_id):
            raise InvalidInput("delivery id", delivery_id, "expected msg_<13 digits>_<8 hex digits>_<number>")
        return self._ask("POST", f"{_path(webhook_id)}/deliveries/{delivery_id}/replay")

    def replay_dead(self, webhook_id: str) -> Body:
        """POST /{id}/replay: `{replayed}`."""
        return self._ask("POST", f"{_path(webhook_id)}/replay")

    def _ask(self, method: str, path: str, **arguments: Any) -> Body:
        return self._connection.retrying(
            lambda: document_of(self._connection.send(method, path, **arguments)),
            repeatable=method == "GET",
        )


def _path(webhook_id: str) -> str:
    if not is_webhook_id(webhook_id):
        raise InvalidInput("webhook id", webhook_id, "expected wh_<13 digits>_<8 hex digits>")
    return f"{_ALL}/{webhook_id}"
