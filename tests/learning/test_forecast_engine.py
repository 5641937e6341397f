"""The forecasting engine on files of candles: what it leaves, that it repeats, goes on, and can be asked again."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headway.domain.errors import DataError, InvalidInput, NotFound
from headway.domain.limits import Limits
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.engines.base import Assignment, Stopped
from headway.engines.forecast.engine import train
from headway.engines.forecast.files import ModelFiles
from headway.engines.forecast.predict import main, predict
from headway.wire.attempts import Launch
from headway.wire.forecast import (
    DataConfig,
    FeatureConfig,
    ForecastConfig,
    HorizonConfig,
    ModelConfig,
    TrainConfig,
)
from headway.wire.rundir import RunDir, get_json, write_json
from tests.fakes.candles import write_candles
from tests.fakes.reporter import RecordingReporter

pytestmark = pytest.mark.slow

OWN_DATA = Path(__file__).parents[3] / "shared" / "data"
SMALL = ModelConfig(
    variant="tiny",
    d_model=16,
    n_heads=2,
    n_layers_tf=1,
    n_layers_fusion=1,
    patch_len=4,
    stride=4,
    context_patches=4,
)
CONFIG = ForecastConfig(
    data=DataConfig(source="BTC", base_timeframe="1h", timeframes=("1h", "4h")),
    features=FeatureConfig(indicators=("RSI", "EMA"), per_timeframe={"4h": ("RSI",)}),
    horizons=HorizonConfig(next_bars=2, short="4h", long="1d"),
    model=SMALL,
    training=TrainConfig(max_epochs=2, batch_size=64, learning_rate=2e-3),
)
WAVE = CONFIG.model_copy(
    update={"training": CONFIG.training.model_copy(update={"max_epochs": 4, "learning_rate": 4e-3})}
)


def make_assignment(
    tmp_path: Path, name: str, config: ForecastConfig = CONFIG, **changes: object
) -> Assignment:
    run = RunDir(tmp_path / name)
    run.path.mkdir()
    assignment = Assignment(
        run_id=f"fc_{name}",
        attempt=1,
        spec=Spec("forecast", config.model_dump(mode="json"), seed=5),
        run=run,
        candles_dir=tmp_path / "candles",
        seed=5,
    )
    return replace(assignment, **changes)  # type: ignore[arg-type]


def run_engine(assignment: Assignment) -> tuple[Result, RecordingReporter]:
    reporter = RecordingReporter(assignment.run)
    launch = Launch(assignment.run_id, 1, str(assignment.run.path), str(assignment.candles_dir))
    assignment.run.attempt(1).create()
    write_json(assignment.run.attempt(1).launch, launch.to_json())
    return train(assignment, reporter), reporter


def write_wave(path: Path, *, bars: int, period: int = 24) -> Path:
    """Hourly candles whose close is a sine: of every move the direction can be known."""
    walk = write_candles(path, bars=bars, seed=1)
    close = 100.0 * np.exp(0.05 * np.sin(2 * np.pi * np.arange(bars) / period))
    opened = np.concatenate((close[:1], close[:-1]))
    prices = {
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close,
    }
    pl.read_csv(walk).with_columns(**{name: pl.Series(values) for name, values in prices.items()}).write_csv(
        path
    )
    return path


def test_a_file_of_candles_becomes_metrics_a_model_predictions_a_report_and_a_manifest(
    tmp_path: Path,
) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    assignment = make_assignment(tmp_path, "first")
    result, reporter = run_engine(assignment)

    assert result.reason is Reason.COMPLETED
    assert [state for state, _ in reporter.phases] == [State.PREFLIGHT, State.TRAINING, State.EVALUATING]
    json.dumps(result.to_json(), allow_nan=False)
    missing = result.details["missing"]
    assert {name for name, value in result.metrics.items() if value is None} <= set(missing)  # type: ignore[arg-type]
    assert "naive forecast" in str(result.details["verdict"])
    assert {artifact.path: artifact.kind for artifact in result.artifacts} == {
        "artifacts/config.yaml": "config",
        "artifacts/scaler.json": "scaler",
        "artifacts/model.safetensors": "model",
        "artifacts/metrics.json": "metrics",
        "artifacts/predictions.parquet": "predictions",
        "report.html": "report",
    }
    manifest = get_json(assignment.run.manifest)
    assert manifest["seed"] == 5
    assert manifest["data"][0]["name"] == "BTCUSDT_1h.csv"
    assert "fc_first" in assignment.run.report.read_text()
    ran = ModelFiles(assignment.run).read_config()
    assert ran.training.precision == "auto"
    assert manifest["hyperparameters"]["precision"] == "fp32"
    assert ran.model == SMALL


def test_a_wave_in_a_file_is_foreseen_and_the_verdict_says_so(tmp_path: Path) -> None:
    write_wave(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=2_000)
    result, _ = run_engine(make_assignment(tmp_path, "wave", WAVE))

    assert result.metrics["test_da"] is not None
    assert result.metrics["test_da"] >= 0.95
    assert str(result.details["verdict"]).startswith("Better than the naive forecast")


def test_the_same_seed_gives_one_result_and_a_stopped_run_ends_like_it(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    straight, _ = run_engine(make_assignment(tmp_path, "straight"))
    stopped = make_assignment(tmp_path, "stopped")
    reporter = RecordingReporter(stopped.run, stop_when=lambda count: count == 12)
    with pytest.raises(Stopped):
        train(stopped, reporter)
    resume = stopped.run.path / reporter.sealed[-1].path
    resumed, _ = run_engine(replace(stopped, attempt=2, resume=resume))

    assert get_json(stopped.run.manifest)["resumed_from"] == reporter.sealed[-1].path
    assert measured(resumed) == measured(straight)
    tables = [
        pl.read_parquet(tmp_path / name / "artifacts" / "predictions.parquet")
        for name in ("straight", "stopped")
    ]
    assert tables[0].equals(tables[1])


def measured(result: Result) -> dict[str, float | None]:
    return {name: value for name, value in result.metrics.items() if name != "windows_per_s"}


def test_a_run_is_asked_again_and_says_the_same_and_foresees_new_candles(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    newer = write_candles(tmp_path / "newer_1h.csv", bars=400, seed=9)
    assignment = make_assignment(tmp_path, "asked")
    run_engine(assignment)
    stored = pl.read_parquet(assignment.run.artifacts / "predictions.parquet")

    out = tmp_path / "out.parquet"
    command = [
        sys.executable,
        "-m",
        "headway.engines.forecast.predict",
        str(assignment.run.path),
        "-",
        str(out),
    ]
    subprocess.run(command, check=True)
    assert pl.read_parquet(out).equals(stored)

    new = predict(assignment.run, newer)
    assert new.columns == stored.columns
    assert new["split"].unique().to_list() == ["new"]
    assert new["timestamp"][-1] > new["timestamp"][0]
    assert new["target_h1"][-1] is None
    assert new["pred_mean_h1"].null_count() == 0


def test_candles_that_have_changed_are_not_the_runs_own(tmp_path: Path) -> None:
    path = write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    assignment = make_assignment(tmp_path, "changed")
    run_engine(assignment)
    write_candles(path, bars=1_600, seed=1)

    with pytest.raises(DataError, match="not those that the run was trained on"):
        predict(assignment.run, None)


def test_asking_a_run_without_a_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotFound, match="has left no model"):
        predict(RunDir(tmp_path), None)

    assert main([str(tmp_path), "-", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_time_of_training_leaves_time_to_evaluate(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    endless = CONFIG.model_copy(
        update={"training": CONFIG.training.model_copy(update={"max_epochs": 10_000})}
    )
    assignment = make_assignment(tmp_path, "timed", endless)
    spec = replace(assignment.spec, limits=Limits(duration_s=1.0))
    result, _ = run_engine(replace(assignment, spec=spec))

    assert result.reason is Reason.COMPLETED
    assert result.metrics["epochs"] is not None
    assert result.metrics["epochs"] < 10_000
    assert result.metrics["test_rmse"] is not None


def test_a_configuration_that_is_none_names_the_field(tmp_path: Path) -> None:
    assignment = make_assignment(tmp_path, "wrong")
    config = {**CONFIG.model_dump(mode="json"), "model": {"d_model": 10, "n_heads": 4}}
    with pytest.raises(InvalidInput, match="model"):
        run_engine(replace(assignment, spec=replace(assignment.spec, config=config)))


def test_real_candles_are_learnt_repeat_go_on_and_are_asked_again(tmp_path: Path) -> None:
    path = OWN_DATA / "BTCUSDT_1h.csv"
    if not path.is_file():
        pytest.skip(f"there are no candles in {OWN_DATA}")
    dates = {"source": path.name, "start_date": "2023-06-01", "end_date": "2023-09-01"}
    config = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update=dates)})
    assignment, repeated, stopped = (
        make_assignment(tmp_path, name, config, candles_dir=OWN_DATA) for name in ("real", "again", "stopped")
    )
    result, _ = run_engine(assignment)

    account = get_json(ModelFiles(assignment.run).metrics)
    interval = account["test"]["comparisons"]["path"][0]["skill_interval"]
    assert ("Better than" in str(result.details["verdict"])) == (interval[0] > 0.0)
    losses = [found["loss"] for found in account["training"]["validations"]]
    assert losses[-1] < losses[0]

    assert measured(run_engine(repeated)[0]) == measured(result)
    reporter = RecordingReporter(stopped.run, stop_when=lambda count: count == 12)
    with pytest.raises(Stopped):
        train(stopped, reporter)
    resume = stopped.run.path / reporter.sealed[-1].path
    assert measured(run_engine(replace(stopped, attempt=2, resume=resume))[0]) == measured(result)
    kept = pl.read_parquet(assignment.run.predictions)
    assert predict(assignment.run, None).equals(kept)


@pytest.mark.slow
def test_normalised_windows_and_a_skip_train_and_foresee_again_what_was_kept(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=1_500, seed=1)
    model = SMALL.model_copy(update={"instance_norm": True, "linear_skip": True})
    assignment = make_assignment(tmp_path, "both", CONFIG.model_copy(update={"model": model}))

    run_engine(assignment)

    kept = pl.read_parquet(assignment.run.artifacts / "predictions.parquet")
    assert predict(assignment.run, None).equals(kept)
    assert "instance_norm: true" in (assignment.run.artifacts / "config.yaml").read_text()
