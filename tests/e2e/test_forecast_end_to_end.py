"""A forecasting run through the real service: made, watched over a kill of the server, its files, its forecasts."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
import yaml

from headway.client.runs import RunsClient
from headway.client.watch import RunFollower
from headway.wire.lines import LineKind, read_lines
from headway.wire.stream import StreamFrame
from tests.e2e.harness import SECRET, Server, running_server
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIG: dict[str, Any] = {
    "data_source": "BTC",
    "timeframes": ["1h", "4h"],
    "variant": "tiny",
    "d_model": 16,
    "n_heads": 2,
    "features": ["RSI"],
    "short_horizon": "4h",
    "long_horizon": "1d",
    "batch_size": 64,
    "max_epochs": 8,
    "overrides": {"model.context_patches": 4, "training.patience": 0},
    "seed": 7,
}


@dataclass(frozen=True)
class Made:
    """A run that has ended on a server that was killed in its middle, and all that was heard of it."""

    server: Server
    run: dict[str, Any]
    preview: dict[str, Any]
    frames: list[StreamFrame]

    def get(self, rest: str, **params: str) -> httpx.Response:
        return _ask(self.server, "GET", f"/runs/{self.run['id']}{rest}", params=params)


def _ask(server: Server, method: str, path: str, **arguments: Any) -> httpx.Response:
    answer = server.call(method, path, **arguments)
    assert answer.is_success, answer.text
    return answer


def _run(server: Server, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _ask(server, "GET", f"/runs/{run_id}").json()
    return found


def _watch(server: Server, run_id: str, frames: list[StreamFrame]) -> None:
    with RunsClient(server.url, SECRET, retry_for_s=90.0) as client:
        frames.extend(RunFollower(client, run_id, after="start").follow())


def _metrics(frames: list[StreamFrame]) -> list[dict[str, Any]]:
    return [frame.data for frame in frames if frame.event_type == "metrics"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with running_server(tmp_path_factory.mktemp("headway")) as server:
        body = {"config": CONFIG, "name": "whole way"}
        preview = _ask(server, "POST", "/runs/preview", json=body).json()
        run_id = str(_ask(server, "POST", "/runs", json=body).json()["id"])
        frames: list[StreamFrame] = []
        watching = threading.Thread(target=_watch, args=(server, run_id, frames))
        watching.start()
        eventually(lambda: _metrics(frames), what="numbers are told")
        server.kill()
        server.start()
        watching.join(200)
        yield Made(server, _ask(server, "GET", f"/runs/{run_id}").json(), preview, frames)


def test_the_run_goes_on_without_its_server_and_every_row_is_told_once(made: Made) -> None:
    written = read_lines(made.server.run_dir(made.run["id"]).attempt(1).events.read_bytes()).lines
    rows = [row[0] for line in written if line.kind is LineKind.METRICS for row in line.data["rows"]]

    assert (made.run["status"], made.run["attempt"]) == ("completed", 1)
    assert [data["step"] for data in _metrics(made.frames)] == rows
    assert made.frames[-1].data["final"] is True


def test_the_socket_tells_the_numbers_by_the_missions_names(made: Made) -> None:
    newest = _metrics(made.frames)[-1]

    for name in ("epoch", "step", "train_loss", "val_loss", "val_da", "val_f1", "val_rmse", "learning_rate"):
        assert newest[name] is not None, name
    assert (newest["gpu_memory_mb"], newest["gpu_utilization"]) == (None, None)
    saved = [frame.data for frame in made.frames if frame.event_type == "checkpoint"]
    assert {each["filename"] for each in made.run["checkpoints"]} <= {each["filename"] for each in saved}


def test_the_run_keeps_its_newest_numbers_and_says_why_some_are_missing(made: Made) -> None:
    numbers = made.run["metrics"]
    missing = {name for name, value in numbers.items() if value is None}

    assert (numbers["epoch"], numbers["step"]) == (8, made.run["results"]["steps"])
    assert missing == {"gpu_memory_mb", "gpu_utilization", "eta_minutes"}
    assert set(made.run["details"]["missing"]) >= {"gpu_memory_mb", "gpu_utilization"}
    assert "naive forecast" in made.run["details"]["verdict"]
    assert {name for name, value in made.run["results"].items() if value is None} <= set(
        made.run["details"]["missing"]
    )


def test_what_was_foretold_of_the_run_is_what_it_came_to(made: Made) -> None:
    assert made.preview["parameter_count"] == made.run["results"]["parameters"]
    assert made.preview["missing"].keys() == {"time"}
    windows = made.run["details"]["windows"]
    for name, rows in made.preview["splits"].items():
        assert abs(windows[name] - rows) <= 8, name


def test_the_configuration_in_the_folder_is_the_resolved_one(made: Made) -> None:
    written = yaml.safe_load(made.get("/artifacts/config.yaml").text)

    assert written == made.run["resolved"] == yaml.safe_load(made.preview["config_yaml"])


def test_every_file_of_the_run_is_listed_with_its_type(made: Made) -> None:
    listed = {each["name"]: each for each in made.get("/artifacts").json()["artifacts"]}
    types = {
        name: each["artifact_type"] for name, each in listed.items() if not name.startswith("checkpoints/")
    }

    assert types == {
        "config.yaml": "config",
        "scaler.json": "scaler",
        "metrics.json": "metrics",
        "predictions.parquet": "predictions",
        "model.safetensors": "model",
        "report.html": "report",
        "manifest.json": "other",
        "result.json": "other",
    }
    newest = made.run["checkpoints"][0]["filename"]
    for name in ("learner.pt", "state.json"):
        assert listed[f"{newest}/{name}"]["artifact_type"] == "checkpoint"
    for name in ("model.safetensors", "predictions.parquet", "scaler.json"):
        assert len(listed[name]["sha256"]) == 64


def test_the_model_forecasts_again_what_it_forecast_and_other_candles_too(made: Made) -> None:
    stored = pl.read_parquet(io.BytesIO(made.get("/artifacts/predictions.parquet").content))

    again = pl.read_parquet(io.BytesIO(made.get("/predict").content))
    other = made.get("/predict", data="BTCUSDT_1h.csv", format="json").json()

    assert again.filter(pl.col("split") == "test").equals(stored.filter(pl.col("split") == "test"))
    assert again.equals(stored)
    assert list(other[0]) == stored.columns
    assert {row["split"] for row in other} == {"new"}
    table = pl.read_csv(io.BytesIO(made.get("/predict", format="csv").content))
    assert table.columns == stored.columns
    assert table["pred_mean_h1"].to_list() == pytest.approx(stored["pred_mean_h1"].to_list())


def test_a_run_that_is_cancelled_and_resumed_ends_like_one_left_alone(made: Made) -> None:
    server = made.server
    run_id = str(_ask(server, "POST", "/runs", json={"config": CONFIG}).json()["id"])
    eventually(lambda: (_run(server, run_id)["metrics"]["step"] or 0) > 40, what="it is in its second epoch")
    _ask(server, "POST", f"/runs/{run_id}/cancel")
    eventually(lambda: _run(server, run_id)["status"] == "cancelled", what="it is cancelled")

    _ask(server, "POST", f"/runs/{run_id}/resume")
    eventually(lambda: _run(server, run_id)["status"] == "completed", what="it goes on to its end")

    run = _run(server, run_id)
    tables = [_ask(server, "GET", f"/runs/{each}/artifacts/predictions.parquet").content
              for each in (run_id, made.run["id"])]  # fmt: skip
    first, second = (pl.read_parquet(io.BytesIO(content)) for content in tables)
    assert run["attempt"] == 2
    assert run["results"] | {"windows_per_s": None} == made.run["results"] | {"windows_per_s": None}
    assert first.equals(second)


def test_a_training_that_explodes_has_diverged(made: Made) -> None:
    wild = {"model.n_layers_tf": 6, "training.clip": 0, "training.warmup_fraction": 0,
            "training.min_learning_rate": 1.0}  # fmt: skip
    config = CONFIG | {"learning_rate": 1.0, "overrides": CONFIG["overrides"] | wild}
    run_id = str(_ask(made.server, "POST", "/runs", json={"config": config}).json()["id"])
    eventually(lambda: _run(made.server, run_id)["status"] in ("failed", "completed"), what="it ends")

    run = _run(made.server, run_id)
    assert (run["status"], run["reason"]) == ("failed", "diverged")
    assert "loss is" in run["error"]


def test_a_program_of_predictions_tells_in_one_line_why_there_are_none(made: Made, tmp_path: Path) -> None:
    candles = made.server.data_dir / "candles" / "BTCUSDT_1h.csv"
    (made.server.data_dir / "candles" / "ETHUSDT_1h.csv").write_text(
        "".join(candles.read_text().splitlines(keepends=True)[:50])
    )
    answer = made.server.call("GET", f"/runs/{made.run['id']}/predict?data=ETHUSDT_1h.csv")

    assert (answer.status_code, answer.json()["error"]) == (422, "data_unavailable")
    assert "\n" not in answer.json()["message"]
    assert "Traceback" not in answer.json()["message"]
