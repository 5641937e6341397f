"""A checkpoint as one tar archive, made while it is sent."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from headway.domain.errors import CorruptRunFile, NotFound
from headway.wire.rundir import CHECKPOINT_MARKER, find_json

_BLOCK = 512
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    """An open file, and its name in the archive. It stays whole also when its checkpoint is pruned meanwhile."""

    name: str
    size_bytes: int
    file: BinaryIO


def open_members(folder: Path) -> list[Member]:
    """All files of a checkpoint, open. NotFound when it is being pruned: an archive of the rest would be broken."""
    with ExitStack() as opened:
        try:
            members = [_open(folder, path, opened) for path in _files_of(folder)]
            sealed = (find_json(folder / CHECKPOINT_MARKER) or {}).get("files")
        except (FileNotFoundError, CorruptRunFile) as error:
            raise _pruned(folder) from error
        wanted = {f"{folder.name}/{name}"[-100:] for name in sealed} if isinstance(sealed, dict) else set()
        if not wanted or not wanted <= {member.name for member in members}:
            raise _pruned(folder)
        opened.pop_all()
    return members


def measure_tar(members: list[Member]) -> int:
    """Bytes of the archive that `stream_tar` gives."""
    return sum(_BLOCK + _padded(member.size_bytes) for member in members) + 2 * _BLOCK


def stream_tar(members: list[Member]) -> Iterator[bytes]:
    """The archive, and closes its members; times are left out, so that it is always the same."""
    with ExitStack() as opened:
        for member in members:
            opened.enter_context(member.file)
        for member in members:
            entry = tarfile.TarInfo(member.name)
            entry.size = member.size_bytes
            yield entry.tobuf(tarfile.USTAR_FORMAT)
            while chunk := member.file.read(_CHUNK_BYTES):
                yield chunk
            yield bytes(_padded(entry.size) - entry.size)
        yield bytes(2 * _BLOCK)


def _open(folder: Path, path: Path, opened: ExitStack) -> Member:
    file = opened.enter_context(path.open("rb"))
    name = f"{folder.name}/{path.relative_to(folder).as_posix()}"[-100:]
    return Member(name, os.fstat(file.fileno()).st_size, file)


def _pruned(folder: Path) -> NotFound:
    return NotFound(
        f"the checkpoint {folder.name} was pruned: GET /runs/{folder.parents[1].name} tells which there are"
    )


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
