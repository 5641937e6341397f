"""Rules of the code that no linter has: sizes, the root import, imports within functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "headway").rglob("*.py"))

_FILE_LINES = 400
_FUNCTION_LINES = 50
# This list only ever gets shorter.
_LONG_FUNCTIONS = {
    "store/migrations/versions/0001_first.py:upgrade",  # written once, and creates every table
    "cli/skippy_submit.py:ppo",  # a line a flag
}
# Who may know the version: what tells it to people.
_ROOT_IMPORTERS = {"cli/main.py", "cli/serve.py", "engines/provenance.py"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT / "src" / "headway").as_posix()


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_file_stays_below_the_wall(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= _FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_function_stays_below_the_wall(path: Path) -> None:
    too_long = {
        f"{_name(path)}:{node.name}"
        for node in _functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > _FUNCTION_LINES
    }
    assert too_long <= _LONG_FUNCTIONS


def test_only_what_tells_the_version_imports_the_root() -> None:
    importers = {
        _name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "headway" for alias in node.names)
    }
    assert importers == _ROOT_IMPORTERS


def test_the_root_holds_the_version_and_nothing_else() -> None:
    tree = ast.parse((ROOT / "src" / "headway" / "__init__.py").read_text())
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert len(tree.body) - len(assigned) == 1  # its docstring
    assert [target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)] == [
        "__version__"
    ]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nothing_is_imported_within_a_function(path: Path) -> None:
    inner = [
        ast.unparse(node)
        for function in _functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inner == []


def test_a_server_without_the_training_packages_starts() -> None:
    """The rooms that a server imports name none of the packages of an extra."""
    extras = {
        "torch",
        "stable_baselines3",
        "gymnasium",
        "polars",
        "numpy",
        "arch",
        "jinja2",
        "ccxt",
        "apprise",
    }
    rooms = ("api", "control", "store", "executors", "supervisor", "telemetry", "wire", "domain")
    named = {
        f"{_name(path)}: {name}"
        for path in SOURCES
        if _name(path).split("/")[0] in rooms
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] in extras
    }
    assert named == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
