"""What the tests of the API share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.calling import Api, make_api


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return make_api(tmp_path)
