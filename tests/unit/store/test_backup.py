"""A copy of a data folder in which trainings are at work: files grow, shrink and vanish under its hands."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from headway.store.backup import _add, _walk


class _Meanwhile(io.BytesIO):
    """An archive; something happens when it is first written to."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: Callable[[], object] | None = happens

    def write(self, data: object) -> int:
        if self._happens is not None:
            self._happens()
            self._happens = None
        return super().write(data)  # type: ignore[arg-type]


def _copy_of(path: Path, happens: Callable[[], object]) -> bytes:
    archive = _Meanwhile(happens)
    with tarfile.open(fileobj=archive, mode="w") as tar:
        assert _add(tar, path, path.name) == 1
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        copied = tar.extractfile(path.name)
        assert copied is not None
        return copied.read()


def test_a_console_that_is_cut_while_it_is_copied_does_not_break_the_copy(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(b"a line\n" * 100_000)

    copied = _copy_of(console, lambda: os.truncate(console, 7))

    assert len(copied) == 700_000
    assert copied.startswith(b"a line\n")
    assert copied.endswith(b"\n\n")


def test_a_log_that_grows_while_it_is_copied_is_cut_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"{}\n")

    assert _copy_of(log, lambda: log.write_bytes(b"{}\n" * 1000)) == b"{}\n"


def test_a_checkpoint_that_is_pruned_while_folders_are_listed_is_left_out(tmp_path: Path) -> None:
    for step in ("1", "2", "3"):
        (tmp_path / "checkpoints" / step).mkdir(parents=True)
        (tmp_path / "checkpoints" / step / "model").touch()

    walk = _walk(tmp_path)
    first = next(walk)
    shutil.rmtree(tmp_path / "checkpoints" / "2")

    assert [path.parent.name for path in (first, *walk)] == ["1", "3"]


def test_what_says_that_something_is_whole_is_copied_before_it(tmp_path: Path) -> None:
    (tmp_path / "attempts" / "1").mkdir(parents=True)
    (tmp_path / "artifacts").mkdir()
    for name in ("attempts/1/events.jsonl", "attempts/1/exit.json", "artifacts/model", "result.json"):
        (tmp_path / name).touch()
    (tmp_path / ".result.json.1.partial").touch()
    (tmp_path / "metrics.json").touch()

    names = [path.name for path in _walk(tmp_path)]

    assert names == ["result.json", "metrics.json", "model", "exit.json", "events.jsonl"]
