from __future__ import annotations

import json
import os
from math import nan
from pathlib import Path

import pytest

from headway.domain.artifacts import Checkpoint
from headway.domain.errors import CorruptRunFile, NotFound
from headway.wire.rundir import (
    RunDir,
    find_checkpoint,
    find_json,
    get_json,
    hash_file,
    prune_checkpoints,
    seal_checkpoint,
    verified_step,
    write_json,
    write_whole,
)

_MARKER = "CHECKPOINT.json"


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    folder = RunDir(tmp_path / "tr_1700000000000_0123abcd")
    folder.checkpoints.mkdir(parents=True)
    return folder


def _seal(run: RunDir, step: int, content: bytes = b"weights") -> Checkpoint:
    draft = run.checkpoints / f".draft-{step}"
    (draft / "deep").mkdir(parents=True)
    (draft / "model.zip").write_bytes(content)
    (draft / "deep" / "state.json").write_bytes(b"{}")
    return seal_checkpoint(run, draft, step)


# files


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_whole(path, b"old")
    write_whole(path, b"new and longer")

    assert path.read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there_and_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    write_whole(path, b"old")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_in_place_of_a_folder_leaves_no_partial_file(tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(place, b"new")
    assert list(tmp_path.iterdir()) == [place]


def test_json_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    write_json(path, {"symbols": ["BTC"], "notes": "é", "seed": None})

    assert find_json(path) == get_json(path) == {"symbols": ["BTC"], "notes": "é", "seed": None}
    assert "é" in path.read_text(encoding="utf-8")


def test_json_that_holds_no_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "metrics.json", {"sharpe": nan})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_may_be_found_none_but_not_got(tmp_path: Path) -> None:
    assert find_json(tmp_path / "no.json") is None
    with pytest.raises(NotFound, match=r"no\.json"):
        get_json(tmp_path / "no.json")


@pytest.mark.parametrize("content", [b"", b'{"torn": ', b"[1]", b"null", b"\xff\xfe\xff"])
def test_a_file_that_holds_no_object_is_corrupt(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "exit.json"
    path.write_bytes(content)
    with pytest.raises(CorruptRunFile, match=r"exit\.json"):
        find_json(path)


def test_every_path_of_a_run_is_inside_its_folder(run: RunDir) -> None:
    attempt = run.attempt(2)
    attempt.create()
    attempt.create()

    assert attempt.path == run.path / "attempts" / "2"
    assert attempt.control.is_dir()
    inside = [attempt.launch, attempt.events, attempt.console, attempt.lock, attempt.supervisor]
    inside += [attempt.heartbeat, attempt.exit, attempt.cancel, attempt.stop]
    assert len({run.relative(path) for path in inside}) == 9
    assert run.relative(attempt.stop) == "attempts/2/control/stop.json"
    with pytest.raises(ValueError):
        run.relative(run.path.parent / "other")


# checkpoints


def test_a_sealed_checkpoint_is_found_and_described(run: RunDir) -> None:
    sealed = _seal(run, 500)

    assert sealed.path == "checkpoints/000000000500"
    assert sealed.step == 500
    folder = run.path / sealed.path
    assert sealed.size_bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert sealed.sha256 == hash_file(folder / _MARKER)
    assert find_checkpoint(run) == sealed
    assert verified_step(folder) == 500
    assert not list(run.checkpoints.glob(".draft-*"))


def test_the_newest_checkpoint_is_that_of_the_highest_step(run: RunDir) -> None:
    for step in (900, 10_000, 1_000):
        _seal(run, step)
    found = find_checkpoint(run)
    assert found is not None
    assert found.step == 10_000


def test_no_checkpoint_is_found_where_there_is_none(tmp_path: Path, run: RunDir) -> None:
    assert find_checkpoint(RunDir(tmp_path / "nowhere")) is None
    assert find_checkpoint(run) is None


def test_a_damaged_file_makes_the_checkpoint_before_it_the_newest(run: RunDir) -> None:
    older, newer = _seal(run, 1), _seal(run, 2)
    file = run.path / newer.path / "deep" / "state.json"
    file.write_bytes(b"[]")  # of the same length: only the hash tells

    assert verified_step(run.path / newer.path) is None
    assert find_checkpoint(run) == older


def test_a_missing_file_makes_the_checkpoint_before_it_the_newest(run: RunDir) -> None:
    older, newer = _seal(run, 1), _seal(run, 2)
    (run.path / newer.path / "model.zip").unlink()
    assert find_checkpoint(run) == older


@pytest.mark.parametrize("marker", [b'{"step": 2, "fil', b"[]", b"{}", b'{"step": 2, "files": 3}', None])
def test_a_folder_whose_marker_is_torn_or_missing_is_no_checkpoint(run: RunDir, marker: bytes | None) -> None:
    older, newer = _seal(run, 1), _seal(run, 2)
    path = run.path / newer.path / _MARKER
    path.unlink()
    if marker is not None:
        path.write_bytes(marker)

    assert find_checkpoint(run) == older


def test_a_draft_that_was_never_sealed_and_a_stray_file_are_no_checkpoints(run: RunDir) -> None:
    draft = run.checkpoints / ".draft-9"
    draft.mkdir()
    (draft / "model.zip").write_bytes(b"half")
    (run.checkpoints / "zzz").write_bytes(b"stray")

    assert find_checkpoint(run) is None
    assert verified_step(run.checkpoints / "zzz") is None


def test_a_checkpoint_of_the_same_step_is_replaced(run: RunDir) -> None:
    old = _seal(run, 7, b"old")
    new = _seal(run, 7, b"new!")

    assert new.path == old.path
    assert new.sha256 != old.sha256
    assert find_checkpoint(run) == new
    assert (run.path / new.path / "model.zip").read_bytes() == b"new!"


def test_the_marker_holds_the_hash_of_every_file_by_its_path(run: RunDir) -> None:
    folder = run.path / _seal(run, 3).path
    marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))

    assert marker["step"] == 3
    assert marker["files"] == {name: hash_file(folder / name) for name in ("deep/state.json", "model.zip")}


def test_pruning_keeps_the_steps_that_are_named_beside_the_newest(run: RunDir) -> None:
    for step in (1, 2, 3, 4, 5):
        _seal(run, step)

    prune_checkpoints(run, keep=1, steps=(2, 4, 99))

    assert sorted(int(p.name) for p in run.checkpoints.iterdir()) == [2, 4, 5]


def test_pruning_keeps_the_newest_checkpoints(run: RunDir) -> None:
    for step in (1, 2, 30, 4):
        _seal(run, step)

    prune_checkpoints(run, keep=2)

    assert sorted(p.name for p in run.checkpoints.iterdir()) == ["000000000004", "000000000030"]
    prune_checkpoints(run, keep=2)
    assert len(list(run.checkpoints.iterdir())) == 2
