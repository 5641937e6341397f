"""Forecasts of a finished run, on its own data or on others: `python -m headway.engines.forecast.predict`.

`predict RUN_DIR DATA_FILE OUT` writes a Parquet table with the columns of `predictions.parquet`. DATA_FILE `-` stands
for the run's own candles: then the rows are those that the run has kept, and on the machine that trained it (on a CPU)
the numbers too. Exit codes: 0 written, 2 it cannot be done; what is wrong goes to the standard error as one line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from headway.domain.errors import DataError, HeadwayError, NotFound
from headway.engines.forecast.devices import Machine, prepared
from headway.engines.forecast.files import ModelFiles
from headway.engines.forecast.foresee import Forecaster
from headway.engines.forecast.judge import FORETOLD, foresee_splits
from headway.engines.forecast.network import Network
from headway.engines.forecast.panel import Panel
from headway.engines.forecast.predictions import tabulate
from headway.engines.forecast.prepare import prepare, transform
from headway.engines.forecast.sources import load_path, load_source
from headway.engines.forecast.windows import Windows
from headway.engines.tables import write_table
from headway.wire.attempts import Launch
from headway.wire.forecast import ForecastConfig
from headway.wire.forecast_shape import shape_of
from headway.wire.rundir import RunDir, get_json

OWN = "-"


def predict(run: RunDir, data_file: Path | None) -> pl.DataFrame:
    """The forecasts as a table; of the run's own candles when no file is given.

    With a file: every row that has a full context, split `new`. NotFound where the run has left no model, DataError for
    candles that cannot be used or are not those of the run any more.
    """
    files = ModelFiles(run)
    config, manifest = files.read_config(), get_json(run.manifest)
    splits: tuple[str, ...]
    if data_file is None:
        panel, splits = _own_panel(run, config, manifest["data"][0]["sha256"]), FORETOLD
    else:
        panel, splits = _new_panel(files, config, data_file), ("new",)
    network = Network(shape_of(config, panel.columns))
    files.load_weights(network)
    machine = Machine("cpu", manifest["hyperparameters"]["precision"])
    with prepared(
        machine, threads=int(manifest["machine"]["threads"])
    ):  # sums depend on how they are shared out
        windows = Windows(panel, machine.torch_device)
        forecasts = foresee_splits(Forecaster(network, windows, config.loss, machine), panel, splits=splits)
    return tabulate(panel, {name: panel.windows[name] for name in forecasts}, forecasts)


def _own_panel(run: RunDir, config: ForecastConfig, sha256: str) -> Panel:
    data = config.data
    candles = load_source(_find_candles_dir(run), data)
    if candles.source.sha256 != sha256:
        raise DataError(
            f"the candles of {data.source} are not those that the run was trained on. Give a file of candles to "
            "forecast from"
        )
    bars = dict.fromkeys(data.timeframes, config.model.context_bars)
    return prepare(config, candles, context_bars=bars).panel


def _new_panel(files: ModelFiles, config: ForecastConfig, data_file: Path) -> Panel:
    candles = load_path(data_file, config.data)
    bars = dict.fromkeys(config.data.timeframes, config.model.context_bars)
    return transform(candles, files.read_scaler(), config, context_bars=bars)


def _find_candles_dir(run: RunDir) -> Path:
    """The candles folder of the newest attempt."""
    attempts = run.attempt(1).path.parent
    numbers = sorted(int(path.name) for path in attempts.glob("*") if path.name.isdigit())
    if not numbers:
        raise NotFound(
            f"{attempts} holds no attempt that tells where the candles are. Give a file of candles"
        )
    return Path(Launch.from_json(get_json(run.attempt(numbers[-1]).launch)).candles_dir)


def main(words: Sequence[str] | None = None) -> int:
    """The exit code; `words` are those of the command line by default."""
    parser = argparse.ArgumentParser(prog="python -m headway.engines.forecast.predict", description=__doc__)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("data_file", metavar="DATA_FILE", help=f"candles; {OWN} for the run's own")
    parser.add_argument("out", type=Path, metavar="OUT", help="Parquet file to write")
    chosen = parser.parse_args(words)
    try:
        table = predict(RunDir(chosen.run_dir), None if chosen.data_file == OWN else Path(chosen.data_file))
        write_table(chosen.out, table)
    except (HeadwayError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
