"""Files that a run leaves, by names that lead nowhere else: artifacts, checkpoints, and what lies beside them.

A name is a path below `artifacts/`, or begins with `checkpoints/`, or is one of the files of the run directory itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from headway.control.context import Context
from headway.control.query import get_view
from headway.domain.errors import CorruptRunFile, Forbidden, NotFound
from headway.wire.rundir import CHECKPOINT_MARKER, RunDir, find_json

CHECKPOINTS = "checkpoints"
TAR = ".tar"

_BESIDE = ("report.html", "metrics.json", "manifest.json", "result.json")


@dataclass(frozen=True)
class RunFile:
    """A file that may be fetched. `sha256` None: nobody has registered it."""

    name: str
    path: Path
    size_bytes: int
    modified_at: datetime
    modified_ns: int
    sha256: str | None


def list_files(context: Context, run_id: str) -> list[RunFile]:
    """All of them, by name. NotFound when there is no such run."""
    get_view(context, run_id)
    folder = context.run_dir(run_id)
    hashes = _hashes(context, folder, run_id)
    found = {}
    for name, path in _walk(folder):
        with suppress(FileNotFoundError):  # pruned since the folder was read
            found[name] = _describe(name, path, hashes.get(name))
    return [found[name] for name in sorted(found)]


def find_file(context: Context, run_id: str, name: str) -> RunFile:
    """One file. NotFound; Forbidden for a name that leads out of what may be fetched."""
    get_view(context, run_id)
    folder = context.run_dir(run_id)
    path = _locate(folder, name)
    missing = NotFound(
        f"{run_id} has no file {name[:200]!r}: GET /runs/{run_id}/artifacts tells which there are"
    )
    if not _is_file(path):
        raise missing
    sha256 = _hashes(context, folder, run_id).get(name)
    try:
        return _describe(name, path, sha256)
    except FileNotFoundError as error:  # pruned meanwhile
        raise missing from error


def find_checkpoint_folder(context: Context, run_id: str, name: str) -> Path | None:
    """The folder that a name like `checkpoints/000000000100.tar` asks for whole; None when it asks for none.

    NotFound when there is no such run; Forbidden for a name that leads out.
    """
    get_view(context, run_id)
    if not (name.startswith(f"{CHECKPOINTS}/") and name.endswith(TAR)):
        return None
    folder = _locate(context.run_dir(run_id), name.removesuffix(TAR))
    return folder if _is_file(folder / CHECKPOINT_MARKER) else None


def _locate(folder: RunDir, name: str) -> Path:
    """Where a name leads; Forbidden when that is outside of what may be fetched, also by way of a link."""
    parts = PurePosixPath(name).parts
    tricky = "\\" in name or "\x00" in name or name.startswith("/") or "//" in name
    if tricky or not parts or any(part.startswith(".") for part in name.split("/")):
        raise Forbidden(f"{name[:200]!r} leads out of the files of the run")
    if parts[0] == CHECKPOINTS:
        root, path = folder.checkpoints, folder.path.joinpath(*parts)
    else:
        root, path = folder.artifacts, folder.artifacts.joinpath(*parts)
        if name in _BESIDE and not _is_file(path):
            root, path = folder.path, folder.path / name
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise NotFound("there is no such file") from error
    if not inside:
        raise Forbidden(f"{name[:200]!r} leads out of the files of the run")
    return path


def _is_file(path: Path) -> bool:
    """Also of a name that no file can have, as of more than 255 bytes: such a file is not there."""
    try:
        return path.is_file()
    except OSError:
        return False


def _walk(folder: RunDir) -> Iterator[tuple[str, Path]]:
    for name in _BESIDE:
        path = folder.path / name
        if path.is_file() and not path.is_symlink():
            yield name, path
    for root, prefix in ((folder.artifacts, ""), (folder.checkpoints, f"{CHECKPOINTS}/")):
        for path in _visible(root):
            yield prefix + path.relative_to(root).as_posix(), path


def _visible(root: Path) -> Iterator[Path]:
    """Regular files below a folder; names that begin with a dot are drafts, links are not followed."""
    for base, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(base, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _describe(name: str, path: Path, sha256: str | None) -> RunFile:
    stat = path.stat()
    at = datetime.fromtimestamp(stat.st_mtime, UTC)
    return RunFile(name, path, stat.st_size, at, stat.st_mtime_ns, sha256)


def _hashes(context: Context, folder: RunDir, run_id: str) -> dict[str, str]:
    """What is known of the content of files, by their names: of artifacts from the store, else from the seals."""
    kept = context.store.read(lambda tx: tx.artifacts(run_id))
    found = {artifact.path.removeprefix("artifacts/"): artifact.sha256 for artifact in kept}
    for marker in sorted(folder.checkpoints.glob(f"*/{CHECKPOINT_MARKER}")):
        try:
            files = (find_json(marker) or {}).get("files")
        except CorruptRunFile:
            continue
        for name, sha256 in files.items() if isinstance(files, dict) else ():
            found[f"{CHECKPOINTS}/{marker.parent.name}/{name}"] = str(sha256)
    return found
