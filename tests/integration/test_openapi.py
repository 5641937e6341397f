"""The OpenAPI document is the truth: whatever is sent, the answer is one that it tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi import checks

from headway.api.guards import SECRET_HEADER
from headway.client.sender import HttpSender
from tests.integration.calling import SECRET, Api, make_api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_URL = "http://localhost"
# What is accepted is no part of this: bounds that settings decide are not in the document, and
# parameters that nobody asks for are passed over.
_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]
_SETTINGS = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
load_all_checks()


@dataclass(frozen=True)
class Known:
    """A server, and ids of jobs that it knows."""

    api: Api
    job_ids: list[str]
    webhook_id: str


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    """A server that is about to end, so that no stream stays open, with a session under way and jobs."""
    sender = HttpSender(resolver=_resolve_nothing)
    api = make_api(tmp_path, store_url=f"sqlite:///{tmp_path / 'headway.db'}", sender=sender, jobs_per_hour=0)
    api.service.closing.close()
    api.ask("POST", "/api/training/real-session", json={})
    waiting, cancelled = api.submit(), api.submit()
    api.ask("DELETE", f"/api/training/jobs/{cancelled}")
    made = api.ask("POST", "/api/webhooks", json={"url": "https://hooks.example.org"})
    yield Known(api, [waiting, cancelled], made.json()["webhook"]["id"])
    api.service.context.store.close()


def _resolve_nothing(host: str, _port: int) -> list[str]:
    raise OSError(f"{host} is not looked up in tests")


def _operations(known: Known, document: dict[str, Any]) -> list[Any]:
    found: Any = schemathesis.openapi.from_dict(document)
    found.app = known.api.app
    return [operation.ok() for operation in found.get_all_operations()]


def _examine(known: Known, operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    """Many requests to one operation, half of them to jobs that are there."""
    job_ids = st.none() | st.sampled_from(known.job_ids)

    def check(case: Any, job_id: str | None) -> None:
        if job_id is not None and "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = job_id
        if job_id is not None and "webhook_id" in case.path_parameters:
            case.path_parameters["webhook_id"] = known.webhook_id
        case.call_and_validate(base_url=_URL, headers=headers, checks=_CHECKS)

    run: Callable[[], None] = _SETTINGS(given(case=operation.as_strategy(mode), job_id=job_ids)(check))
    run()


@pytest.mark.parametrize("secret", [SECRET, None], ids=["with the secret", "without"])
@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_one_that_the_document_tells_of(
    known: Known, mode: GenerationMode, secret: str | None
) -> None:
    headers = {} if secret is None else {SECRET_HEADER: secret}
    examined = 0
    for operation in _operations(known, known.api.app.openapi()):
        try:
            _examine(known, operation, mode, headers)
        except Unsatisfiable:  # nothing that can be asked of it is wrong
            continue
        examined += 1

    assert examined >= 10


def test_an_answer_that_the_document_does_not_tell_of_is_found(known: Known) -> None:
    document = known.api.app.openapi()
    del document["paths"]["/api/training/jobs/{job_id}/status"]["get"]["responses"]["404"]
    operations = {operation.label: operation for operation in _operations(known, document)}
    silent = operations["GET /api/training/jobs/{job_id}/status"]

    with pytest.raises(BaseExceptionGroup, match="Undocumented"):
        _examine(known, silent, GenerationMode.POSITIVE, {SECRET_HEADER: SECRET})
