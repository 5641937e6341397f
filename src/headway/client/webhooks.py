"""The webhooks API (`/api/webhooks`) from the caller's side."""

from __future__ import annotations

from typing import Any

from headway.client.answers import Body, document_of
from headway.client.client import Client
from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject, encode_json
from headway.domain.webhooks import is_delivery_id, is_webhook_id

_ALL = "/webhooks"
_JSON = {"Content-Type": "application/json"}


class WebhooksClient(Client):
    """Webhooks of one server (see `Client`)."""

    ROOT = "/api"

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
        self.connection.retrying(lambda: self.connection.send("DELETE", _path(webhook_id)), repeatable=False)

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
        return self.connection.retrying(
            lambda: document_of(self.connection.send(method, path, **arguments)),
            repeatable=method == "GET",
        )


def _path(webhook_id: str) -> str:
    if not is_webhook_id(webhook_id):
        raise InvalidInput("webhook id", webhook_id, "expected wh_<13 digits>_<8 hex digits>")
    return f"{_ALL}/{webhook_id}"
