"""What the tests of the API share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.stores import Lived, live_in
from tests.integration.calling import Api, make_api


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return make_api(tmp_path)


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A data folder that was lived in; take a copy."""
    return live_in(tmp_path_factory.mktemp("lived") / "data")


@pytest.fixture
def lived(lived_in: Lived, tmp_path: Path) -> Lived:
    return lived_in.copy(tmp_path / "data")
