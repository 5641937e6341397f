"""Fetching files: whole and verified, or an error and no file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from headway.client.errors import ServerUnreachable
from headway.client.runs import RunsClient
from headway.domain.errors import CorruptRunFile
from headway.wire.run_records import ArtifactInfo
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


def test_what_the_server_makes_begins_anew_after_a_break(server: FakeServer, tmp_path: Path) -> None:
    torn = Reply(body=CONTENT[:99], headers=(("Content-Length", str(len(CONTENT))),))
    server.replies["GET", f"/runs/{RUN}/predict"] = [torn, Reply(body=CONTENT)]
    with RunsClient(server.url, SECRET, pacing=MovedTime().pacing()) as client:
        client.predict(RUN, tmp_path / "forecasts.csv", data="BTC_1h.csv", table="csv")

    assert (tmp_path / "forecasts.csv").read_bytes() == CONTENT
    assert server.received[-1].query == {"data": "BTC_1h.csv", "format": "csv"}


def test_a_break_that_no_retry_mends_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    server.replies["GET", f"/runs/{RUN}/artifacts/checkpoints/000000000010.tar"] = [Reply(dropped=True)]
    with (
        RunsClient(server.url, SECRET, pacing=MovedTime().pacing()) as client,
        pytest.raises(ServerUnreachable),
    ):
        client.download_checkpoint(RUN, "checkpoints/000000000010", tmp_path / "checkpoint.tar")

    assert list(tmp_path.iterdir()) == []


def test_an_export_tells_what_has_more_points(server: FakeServer, tmp_path: Path) -> None:
    reply = Reply(body=b"name,step,value\n", headers=(("X-Thinned", "train/loss,odd%2Cname"),))
    server.replies["GET", f"/runs/{RUN}/metrics"] = [reply]
    with RunsClient(server.url, SECRET, pacing=MovedTime().pacing()) as client:
        thinned = client.export_metrics(RUN, tmp_path / "numbers.csv", table="csv", names=("train/loss",))

    assert thinned == ["train/loss", "odd,name"]
    assert server.received[-1].query == {"format": "csv", "names": "train/loss"}


def test_an_upload_is_sent_whole_again_after_a_break_and_not_held_in_memory(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "BTC_1h.csv").write_text("timestamp,close\n" * 10_000)
    listed = {"symbol": "BTC", "timeframe": "1h", "filename": "BTC_1h.csv"}
    server.replies["PUT", "/datasets/BTC_1h.csv"] = [Reply(503), Reply(201, listed)]
    monkeypatch.delattr(Path, "read_bytes")
    with RunsClient(server.url, SECRET, pacing=MovedTime().pacing()) as client:
        client.upload_dataset(tmp_path / "BTC_1h.csv")

    assert [one.body for one in server.received] == ["timestamp,close\n" * 10_000] * 2
