"""What an installation that is not editable holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src" / "headway" / "web" / "static"
_BUILD = "from setuptools.build_meta import build_wheel; build_wheel('dist')"


def _build_wheel(folder: Path) -> set[str]:
    """The files of a wheel that is built in a copy of the source."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    subprocess.run([sys.executable, "-c", _BUILD], cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.skipif(
    not (STATIC / "vendor" / ".complete").exists(),
    reason="static/vendor is not complete: run .venv/bin/python tools/vendor.py",
)
def test_a_wheel_holds_the_pages_with_what_they_use_and_its_licences(tmp_path: Path) -> None:
    package = ROOT / "src" / "headway"
    meant = {
        path.relative_to(package.parent).as_posix()
        for folder in (STATIC, package / "web" / "templates", package / "store" / "migrations")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    held = _build_wheel(tmp_path)

    assert meant - held == set()
    assert "headway/web/static/vendor/.complete" in held
    assert (
        len([name for name in held if name.startswith("headway/web/static/vendor/") and "LICENSE" in name])
        == 3
    )
