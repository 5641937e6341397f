"""What the README tells people to type exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from headway.cli.main import app as headway
from headway.cli.skippy import app as skippy

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = {"headway": headway, "skippy-train": skippy}


def _lines(page: Path) -> Iterator[str]:
    """Lines of the shell blocks of a page, without comments."""
    for block in re.findall(r"```(?:sh|bash|console)?\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.split("#", 1)[0].strip().removeprefix("$ ")


def _commands() -> list[tuple[str, str]]:
    return sorted(
        {
            (page.name, line.removeprefix(".venv/bin/"))
            for page in PAGES
            for line in _lines(page)
            if line.removeprefix(".venv/bin/").split(" ", 1)[0] in PROGRAMS
        }
    )


@pytest.mark.parametrize(("page", "line"), _commands())
def test_a_command_with_its_flags_is_one_that_the_program_takes(page: str, line: str) -> None:
    program, *words = shlex.split(re.split(r"[|;&>]", line)[0])
    command: Any = typer.main.get_command(PROGRAMS[program])
    while hasattr(command, "commands") and words:
        name, *words = words
        if name.startswith("-"):
            return
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("--")}
    assert used <= flags | {"--help"}, f"{page}: {line}"


def test_make_has_every_target_that_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for page in PAGES
        for line in _lines(page)
        if line.startswith("make ")
        for word in line.split()[1:]
        if "=" not in word
    }
    assert {"demo", "test"} <= named
    assert named <= targets


def test_the_changelog_begins_with_the_version_of_the_code() -> None:
    version = re.search(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    code = re.search(r'__version__ = "([0-9.]+)"', (ROOT / "src" / "headway" / "__init__.py").read_text())
    assert version is not None
    assert code is not None
    assert version[1] == code[1]


def test_the_lock_file_pins_what_the_project_asks_for_and_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lock.splitlines()}
    asked = re.findall(
        r'^\s*"([A-Za-z0-9-]+)(?:\[[a-z]+\])?[>=]=', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )

    assert "://" not in lock
    assert "--hash" not in lock
    assert "torch==2.13.0" in lock.splitlines()
    optional_on_this_machine = {"nvidia-ml-py", "setuptools"}
    assert {name.lower() for name in asked} - optional_on_this_machine <= pinned
