"""Fetch a file over connections that may break: go on where the last one stopped, and check what came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from headway.client.connection import Connection
from headway.domain.errors import CorruptRunFile
from headway.wire.run_records import ArtifactInfo
from headway.wire.rundir import hash_file


def fetch_file(connection: Connection, path: str, artifact: ArtifactInfo, target: Path) -> None:
    """The artifact, whole, at `target`; what came of it so far lies beside it until then.

    CorruptRunFile when the size or the hash is not what was told: then nothing is kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{(artifact.sha256 or 'unhashed')[:12]}.partial")
    connection.retrying(lambda: _fetch_rest(connection, path, partial, artifact.size_bytes))
    try:
        _verify(partial, artifact)
    except CorruptRunFile:
        partial.unlink()
        raise
    partial.replace(target)


def fetch_made(connection: Connection, path: str, target: Path, **arguments: Any) -> httpx.Headers:
    """What the server makes as it is asked, whole, at `target`, and the headers that came with it. A broken try begins
    anew: there is no hash, and nothing says that it is made the same again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.made.partial")
    try:
        headers = connection.retrying(lambda: _fetch_whole(connection, path, partial, arguments))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return headers


def _fetch_whole(
    connection: Connection, path: str, partial: Path, arguments: dict[str, Any]
) -> httpx.Headers:
    with connection.download(path, **arguments) as answer, partial.open("wb") as file:
        for piece in answer.iter_bytes():
            file.write(piece)
        return answer.headers


def _fetch_rest(connection: Connection, path: str, partial: Path, size_bytes: int) -> None:
    """One connection: what is missing of the file, or all of it where the server gives no parts."""
    have = partial.stat().st_size if partial.exists() else 0
    if have == size_bytes and partial.exists():
        return
    ask_rest = 0 < have < size_bytes
    headers = {"Range": f"bytes={have}-"} if ask_rest else {}
    with connection.download(path, headers=headers) as answer:
        goes_on = ask_rest and answer.status_code == httpx.codes.PARTIAL_CONTENT
        with partial.open("ab" if goes_on else "wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)


def _verify(file: Path, artifact: ArtifactInfo) -> None:
    size = file.stat().st_size
    if artifact.sha256 is None:
        if size != artifact.size_bytes:
            raise CorruptRunFile(
                f"{artifact.name} came with {size} bytes, not {artifact.size_bytes}: ask again"
            )
        return
    found = hash_file(file)
    if found != artifact.sha256:
        raise CorruptRunFile(
            f"{artifact.name} is not what was stored: SHA-256 {found}, expected {artifact.sha256}. Ask again; "
            "if it stays so, the file was changed on the server"
        )
