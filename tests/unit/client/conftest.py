from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.client.jobs import JobsClient
from tests.unit.client.moved import MovedTime
from tests.unit.client.server import SECRET, FakeServer, fake_server


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as started:
        yield started


@pytest.fixture
def time() -> MovedTime:
    return MovedTime()


@pytest.fixture
def client(server: FakeServer, time: MovedTime) -> Iterator[JobsClient]:
    with JobsClient(server.url, SECRET, retry_for_s=10.0, pacing=time.pacing()) as opened:
        yield opened
