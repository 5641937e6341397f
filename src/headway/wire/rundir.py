"""Every path of a run, and the only ways its files are written and read. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway.domain.artifacts import Checkpoint
from headway.domain.errors import CorruptRunFile, NotFound
from headway.domain.json import JsonObject

CHECKPOINT_MARKER = "CHECKPOINT.json"  # written last: a folder without it is not a checkpoint


@dataclass(frozen=True)
class AttemptDir:
    """`attempts/<n>/`: what one attempt writes, and what is asked of it."""

    path: Path

    @property
    def launch(self) -> Path:
        """What the executor asks for; written before anything starts."""
        return self.path / "launch.json"

    @property
    def events(self) -> Path:
        """The log of the attempt: written by the training process alone."""
        return self.path / "events.jsonl"

    @property
    def console(self) -> Path:
        return self.path / "console.log"

    @property
    def lock(self) -> Path:
        """Held (flock) by the supervisor for as long as it lives: the proof of life."""
        return self.path / "supervisor.lock"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor.json"

    @property
    def heartbeat(self) -> Path:
        """Its modification time is the newest heartbeat of the supervisor."""
        return self.path / "heartbeat"

    @property
    def exit(self) -> Path:
        """The proof of death."""
        return self.path / "exit.json"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def cancel(self) -> Path:
        """Written by the service half: someone wants the attempt to end."""
        return self.control / "cancel.json"

    @property
    def stop(self) -> Path:
        """Written by the supervisor for the training process: stop at the next batch, and why."""
        return self.control / "stop.json"

    def create(self) -> None:
        self.control.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class RunDir:
    """`<data>/runs/<run_id>/`."""

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def equity(self) -> Path:
        """Of a PPO run: agent and buy and hold, bar by bar of the test window."""
        return self.artifacts / "equity.parquet"

    @property
    def trades(self) -> Path:
        """Of a PPO run: the agent's trades in the test window."""
        return self.artifacts / "trades.parquet"

    @property
    def predictions(self) -> Path:
        """Of a forecast run: the forecasts of validation and test beside what came."""
        return self.artifacts / "predictions.parquet"

    def attempt(self, number: int) -> AttemptDir:
        return AttemptDir(self.path / "attempts" / str(number))

    def relative(self, path: Path) -> str:
        """The path below the run directory, with forward slashes."""
        return path.relative_to(self.path).as_posix()


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that it is there whole or not at all, also after a power loss."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: JsonObject) -> None:
    """`write_whole` of readable JSON; raises ValueError for NaN or infinity."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=2)
    write_whole(path, text.encode() + b"\n")


def find_json(path: Path) -> dict[str, Any] | None:
    """The object in the file, or None where there is no file; CorruptRunFile when it is not a JSON object."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        value = json.loads(content)
    except ValueError as error:
        raise CorruptRunFile(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptRunFile(f"{path} must hold a JSON object")
    return value


def get_json(path: Path) -> dict[str, Any]:
    """The object in the file; NotFound where there is no file."""
    value = find_json(path)
    if value is None:
        raise NotFound(f"there is no {path}")
    return value


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_checkpoint(run: RunDir, draft: Path, step: int) -> Checkpoint:
    """Make a folder of files a checkpoint: hash and sync each file, write the marker, move it into place.

    `draft` is a folder inside `run.checkpoints`; it becomes `checkpoints/<step>`. A checkpoint of the same step
    that is there already is replaced. Killed anywhere, either no folder of that step is valid or the whole one is.
    """
    files = sorted(p for p in draft.rglob("*") if p.is_file())
    hashes = {p.relative_to(draft).as_posix(): hash_file(p) for p in files}
    for file in files:
        sync_folder(file)
    write_json(draft / CHECKPOINT_MARKER, {"step": step, "files": hashes})
    place = run.checkpoints / _checkpoint_name(step)
    if place.exists():
        shutil.rmtree(place)
    draft.replace(place)
    sync_folder(run.checkpoints)
    return _describe(run, place, step)


def find_checkpoint(run: RunDir) -> Checkpoint | None:
    """The newest checkpoint whose every file verifies against its hash, or None."""
    for folder in list_checkpoints(run):
        step = verified_step(folder)
        if step is not None:
            return _describe(run, folder, step)
    return None


def verified_step(folder: Path) -> int | None:
    """The step of a checkpoint folder when its marker is there and every hash is right, else None."""
    try:
        marker = find_json(folder / CHECKPOINT_MARKER)
    except (CorruptRunFile, NotADirectoryError):
        return None
    if marker is None:
        return None
    files, step = marker.get("files"), marker.get("step")
    if not isinstance(files, dict) or not isinstance(step, int):
        return None
    for name, digest in files.items():
        file = folder / name
        if not file.is_file() or hash_file(file) != digest:
            return None
    return step


def prune_checkpoints(run: RunDir, *, keep: int, steps: Collection[int] = ()) -> None:
    """Remove all checkpoints but the newest `keep` and those of the steps."""
    sealed = [folder for folder in list_checkpoints(run) if (folder / CHECKPOINT_MARKER).is_file()]
    kept = {_checkpoint_name(step) for step in steps}
    for folder in sealed[keep:]:
        if folder.name not in kept:
            shutil.rmtree(folder)


def _checkpoint_name(step: int) -> str:
    return f"{step:012d}"


def list_checkpoints(run: RunDir) -> list[Path]:
    """Newest first, whether they verify or not; drafts, whose names begin with a dot, are none."""
    if not run.checkpoints.is_dir():
        return []
    folders = (folder for folder in run.checkpoints.iterdir() if not folder.name.startswith("."))
    return sorted(folders, reverse=True)


def measure(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def hash_checkpoint(folder: Path) -> str:
    """SHA-256 of the marker of a checkpoint, which holds the hash of every file; FileNotFoundError without one."""
    return hash_file(folder / CHECKPOINT_MARKER)


def _describe(run: RunDir, folder: Path, step: int) -> Checkpoint:
    return Checkpoint(run.relative(folder), step, measure(folder), hash_checkpoint(folder))
