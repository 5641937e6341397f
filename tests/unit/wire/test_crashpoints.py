"""Crash points: named once, reached somewhere, documented, and nothing without the variable."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headway.settings import unknown_names
from headway.wire.crashpoints import POINTS, reach

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("point", POINTS)
def test_a_point_does_nothing_unless_it_is_chosen(point: str) -> None:
    reach(point)


def test_every_point_is_reached_once_in_the_source_and_told_on_the_page() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src" / "headway").rglob("*.py"))
    page = (ROOT / "docs" / "recovery.md").read_text()

    assert sorted(re.findall(r'\breach\("([^"]+)"\)', sources)) == sorted(POINTS)
    assert [point for point in POINTS if f"| `{point}` |" not in page] == []


def test_a_process_dies_where_it_was_told_to() -> None:
    code = f"from headway.wire.crashpoints import reach; reach({POINTS[0]!r}); reach({POINTS[1]!r}); exit(5)"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HEADWAY_CRASH_AT": POINTS[1]}, check=False
    )

    assert ended.returncode == 137


def test_the_variable_is_no_misspelt_setting() -> None:
    assert unknown_names(["HEADWAY_CRASH_AT"]) == []
