from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.services import Services, make_services


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """One CPU slot, no limit of runs an hour."""
    return make_services(tmp_path)
