"""The application, called in this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from headway.api.app import make_app
from headway.api.guards import fingerprint
from headway.api.service import Service
from headway.control.query import measure_unread
from headway.control.watch import Watcher
from headway.telemetry.counters import Counters, Load
from tests.fakes.services import FakePredictor, Services, make_services

SECRET = "a-secret-for-tests-only"


@dataclass(frozen=True)
class Api:
    """An application over services that a test moves."""

    services: Services
    service: Service
    app: FastAPI
    watcher: Watcher
    predictor: FakePredictor

    def ask(self, method: str, path: str, *, secret: str | None = SECRET, **arguments: Any) -> httpx.Response:
        """One request; what the application raises becomes the answer that a server would give."""
        return asyncio.run(self._ask(method, path, secret, arguments))

    async def _ask(
        self, method: str, path: str, secret: str | None, arguments: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers: dict[str, str | bytes] = {} if secret is None else {"x-admin-secret": secret.encode()}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(
                method, path, headers={**headers, **arguments.pop("headers", {})}, **arguments
            )

    def submit(self, **body: Any) -> str:
        """The id of a job that must be accepted."""
        answer = self.ask("POST", "/api/training/jobs", json=body)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["jobId"])


def make_api(tmp_path: Path, **policy: Any) -> Api:
    """An application over stores and executors in memory."""
    services = make_services(tmp_path, **policy)
    context = services.context
    counters = Counters(lambda: Load(*measure_unread(context)))
    predictor = FakePredictor()
    service = Service(context, fingerprint(SECRET), counters, predictor)
    app = make_app(service, secret=SECRET, version="0")
    return Api(services, service, app, Watcher(context), predictor)
