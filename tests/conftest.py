"""What tests of all kinds share: a PostgreSQL server of their own, where PostgreSQL is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.store import postgres as limits
from tests.fakes.postgres import PostgresServer, find_postgres, running_postgres

_IDLE_MS = 60_000  # a test that waits for a busy machine is no server that was stopped


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for the session; each test makes a database of its own in it."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_IDLE_MS", _IDLE_MS)
        with running_postgres(binaries) as server:
            yield server
