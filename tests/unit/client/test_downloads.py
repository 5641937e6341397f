"""Fetching files: whole and verified, or an error and no file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from headway.client.runs import RunsClient
from headway.domain.errors import CorruptRunFile
from headway.wire.runs import ArtifactInfo
from tests.unit.client.moved import MovedTime
from tests.unit.client.server import SECRET, FakeServer, Reply

RUN = "fc_1700000000000_0123abcd"
CONTENT = b"weights" * 1000
PATH = ("GET", f"/runs/{RUN}/artifacts/model.safetensors")


def _artifact(content: bytes = CONTENT) -> ArtifactInfo:
    return ArtifactInfo(
        name="model.safetensors",
        size_bytes=len(content),
        created_at="2026-01-01T00:00:00Z",
        artifact_type="model",
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _fetch(server: FakeServer, target: Path, artifact: ArtifactInfo) -> Path:
    with RunsClient(server.url, SECRET, pacing=MovedTime().pacing()) as client:
        return client.download(RUN, artifact, target)


def test_a_file_comes_whole(server: FakeServer, tmp_path: Path) -> None:
    server.replies[PATH] = [Reply(body=CONTENT)]
    _fetch(server, tmp_path / "deep" / "model", _artifact())

    assert (tmp_path / "deep" / "model").read_bytes() == CONTENT


def test_what_came_before_a_break_is_not_fetched_again(server: FakeServer, tmp_path: Path) -> None:
    cut = 1234
    torn = Reply(body=CONTENT[:cut], headers=(("Content-Length", str(len(CONTENT))),))
    server.replies[PATH] = [torn, Reply(206, CONTENT[cut:])]
    _fetch(server, tmp_path / "model", _artifact())

    assert (tmp_path / "model").read_bytes() == CONTENT
    assert [one.headers.get("range") for one in server.received] == [None, f"bytes={cut}-"]


def test_a_server_that_gives_no_parts_gives_all_again(server: FakeServer, tmp_path: Path) -> None:
    torn = Reply(body=CONTENT[:99], headers=(("Content-Length", str(len(CONTENT))),))
    server.replies[PATH] = [torn, Reply(body=CONTENT)]
    _fetch(server, tmp_path / "model", _artifact())

    assert (tmp_path / "model").read_bytes() == CONTENT


def test_what_is_not_what_its_hash_says_is_not_kept(server: FakeServer, tmp_path: Path) -> None:
    server.replies[PATH] = [Reply(body=b"x" * len(CONTENT))]
    with pytest.raises(CorruptRunFile, match="is not what was stored"):
        _fetch(server, tmp_path / "model", _artifact())

    assert list(tmp_path.iterdir()) == []
