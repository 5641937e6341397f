"""Datasets over the API: listed, examined, received."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from headway.markets.catalog import FileCatalog
from tests.fakes.candles import write_candles
from tests.integration.calling import Api, make_api

polars = pytest.importorskip("polars")


def _get(api: Api, path: str, **arguments: Any) -> httpx.Response:
    return api.ask("GET", path, **arguments)


@pytest.fixture
def data(tmp_path: Path) -> Api:
    """Over real candles."""
    api = make_api(tmp_path, max_upload_bytes=100_000)
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=100, seed=1)
    object.__setattr__(api.service.context, "candles", FileCatalog(tmp_path / "candles"))
    return api


def test_datasets_are_listed_with_what_they_cover(data: Api) -> None:
    first = _get(data, "/datasets").json()["datasets"][0]

    assert (first["symbol"], first["timeframe"], first["filename"]) == ("BTC", "1h", "BTCUSDT_1h.csv")
    assert (first["row_count"], first["origin"]) == (100, "file")
    assert first["date_start"] == "2022-01-01T00:00:00.000000Z"
    assert first["date_end"] == "2022-01-05T03:00:00.000000Z"
    assert first["columns"] == ["timestamp", "open", "high", "low", "close", "volume"]


def test_a_parquet_file_is_listed_as_the_same_candles_in_csv_are(data: Api, tmp_path: Path) -> None:
    folder = tmp_path / "candles"
    frame = polars.read_csv(folder / "BTCUSDT_1h.csv", try_parse_dates=True)
    frame.write_parquet(folder / "ETHUSDT_1h.parquet")
    (folder / "XRP_1h.parquet").write_bytes(b"PAR1")

    listed = {each["symbol"]: each for each in _get(data, "/datasets").json()["datasets"]}

    told = ("row_count", "date_start", "date_end", "columns", "problem")
    assert {name: listed["ETH"][name] for name in told} == {name: listed["BTC"][name] for name in told}
    assert listed["ETH"]["row_count"] == 100
    assert listed["XRP"]["row_count"] is None
    assert "cannot be read as Parquet" in listed["XRP"]["problem"]


def test_an_examined_file_is_read_once_and_reaches_as_far_as_the_list_says(
    data: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = _get(data, "/datasets").json()["datasets"][0]
    read: list[str] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), read_bytes(path))[1])

    found = data.ask("POST", "/datasets/validate", json={"filename": "BTCUSDT_1h.csv"}).json()

    assert found["date_range"] == [listed["date_start"], listed["date_end"]]
    assert read == ["BTCUSDT_1h.csv"]


def test_a_dataset_is_examined_row_by_row(data: Api, tmp_path: Path) -> None:
    sound = data.ask("POST", "/datasets/validate", json={"filename": "BTCUSDT_1h.csv"}).json()
    assert (sound["is_valid"], sound["total_rows"], sound["issues"], sound["gap_count"]) == (True, 100, [], 0)
    assert sound["inferred_dtypes"]["close"] == "float64"
    lines = (tmp_path / "candles" / "BTCUSDT_1h.csv").read_text().splitlines()
    lines[5] = lines[5].replace(lines[5].split(",")[4], "many")
    del lines[50:53]
    (tmp_path / "candles" / "ETH_1h.csv").write_text("\n".join(lines))

    found = data.ask("POST", "/datasets/validate", json={"filename": "ETH_1h.csv"}).json()

    assert (found["is_valid"], found["schema_valid"], found["has_gaps"]) == (False, True, True)
    assert {(each["severity"], each["row_number"]) for each in found["issues"]} >= {("error", 5)}
    assert any(each["severity"] == "warning" for each in found["issues"])


def test_a_dataset_is_received_whole_and_replaces_one_of_its_name(data: Api, tmp_path: Path) -> None:
    content = write_candles(tmp_path / "mine.csv", bars=20, seed=2).read_bytes()

    first = data.ask("PUT", "/datasets/ETHUSDT_1h.csv", content=content)
    again = data.ask("PUT", "/datasets/ETHUSDT_1h.csv", content=content)

    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["symbol"], first.json()["row_count"]) == ("ETH", 20)
    assert (tmp_path / "candles" / "ETHUSDT_1h.csv").read_bytes() == content


def test_an_upload_that_the_disk_has_no_room_for_is_refused(
    data: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.control.datasets.disk_usage", lambda _path: SimpleNamespace(free=0))

    refused = data.ask("PUT", "/datasets/ETH_1h.csv", content=b"x")

    assert (refused.status_code, refused.json()["error"]) == (422, "disk_full")
    assert "HEADWAY_MIN_FREE_MB" in refused.json()["message"]
    assert [path.name for path in (tmp_path / "candles").iterdir()] == ["BTCUSDT_1h.csv"]


def test_what_an_upload_left_that_no_server_lived_to_end_is_swept(data: Api, tmp_path: Path) -> None:
    old, young = (tmp_path / "candles" / f".{name}.partial" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    data.ask("PUT", "/datasets/ETH_1h.csv", content=b"x")

    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("notes.txt", b"x", 400),
        ("..%2FBTC_1h.csv", b"x", 404),
        ("BTC_2h.csv", b"x", 400),
        ("BTC_1h.csv", b"", 400),
        ("BTC_1h.csv", b"x" * 100_001, 413),
    ],
)
def test_an_upload_that_cannot_be_leaves_nothing_behind(
    data: Api, tmp_path: Path, name: str, content: bytes, status: int
) -> None:
    def pieces() -> Any:
        async def stream() -> Any:
            yield content

        return stream()

    assert data.ask("PUT", f"/datasets/{name}", content=content).status_code == status
    assert data.ask("PUT", f"/datasets/{name}", content=pieces()).status_code == status  # without a length
    assert [path.name for path in (tmp_path / "candles").iterdir()] == ["BTCUSDT_1h.csv"]
    assert data.ask("PUT", "/datasets/ETH_1h.csv", content=b"x", secret=None).status_code == 401
