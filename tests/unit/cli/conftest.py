from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.running import Skippy
from tests.unit.client.server import FakeServer, fake_server


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as started:
        yield started


@pytest.fixture
def skippy(server: FakeServer, tmp_path: Path) -> Skippy:
    return Skippy(server, tmp_path)
