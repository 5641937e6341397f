"""Every store and every bus, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.ports import Store
from headway.store.opening import open_store
from tests.fakes.postgres import PostgresServer


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(_url(request, tmp_path))
    yield opened
    opened.close()


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")  # only now: it is slow to start
        return server.make_database()
    return "memory:" if request.param == "memory" else f"sqlite:///{folder / 'store.db'}"
