"""A console log keeps its beginning and its end, however much is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.supervisor import console
from headway.supervisor.console import Console

_LINE = 100


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("_MOST_BYTES", 10_000), ("_HEAD_BYTES", 2_000), ("_TAIL_BYTES", 1_000)):
        monkeypatch.setattr(console, name, size)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A console log, and the descriptor by which a training writes it."""
    path = tmp_path / "console.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield path, descriptor
    os.close(descriptor)


def _print(descriptor: int, first: int, last: int) -> None:
    for number in range(first, last):
        os.write(descriptor, f"line {number}".ljust(_LINE - 1).encode() + b"\n")


def _numbers(path: Path) -> list[int]:
    return [int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("line")]


def test_a_log_of_ordinary_length_is_left_alone(log: tuple[Path, int]) -> None:
    path, descriptor = log
    _print(descriptor, 0, 100)

    assert not Console(path).bound()
    assert _numbers(path) == list(range(100))


def test_a_long_log_keeps_whole_lines_of_its_beginning_and_its_end_and_says_what_was_cut(
    log: tuple[Path, int],
) -> None:
    path, descriptor = log
    _print(descriptor, 0, 200)

    assert Console(path).bound()
    assert _numbers(path) == [*range(20), *range(191, 200)]
    assert path.read_text().count("were cut out here") == 1


def test_a_training_goes_on_writing_at_the_end_and_is_cut_again(log: tuple[Path, int]) -> None:
    path, descriptor = log
    bounded = Console(path)
    for first in range(0, 1000, 100):
        _print(descriptor, first, first + 100)
        bounded.bound()
        assert path.stat().st_size <= 10_000

    _print(descriptor, 1000, 1001)
    assert _numbers(path)[:20] == list(range(20))
    assert _numbers(path)[-1] == 1000
    assert path.read_text().count("were cut out here") == 1


def test_a_log_without_lines_is_cut_too(log: tuple[Path, int]) -> None:
    path, descriptor = log
    os.write(descriptor, b"x" * 50_000)

    assert Console(path).bound()
    assert path.stat().st_size < 4_000


def test_a_log_that_is_not_there_yet_is_not_cut(tmp_path: Path) -> None:
    assert not Console(tmp_path / "console.log").bound()
