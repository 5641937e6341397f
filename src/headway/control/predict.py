"""Forecasts with the model of a completed run, as a file of the format asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from headway.control.context import Context
from headway.control.datasets import require_filename, require_package
from headway.control.query import get_view
from headway.control.translate_runs import FORECAST
from headway.domain.errors import InvalidInput, NotFound, NotReady
from headway.domain.states import State
from headway.ports import Predictor


def predict(
    context: Context, predictor: Predictor, run_id: str, data: str | None, folder: Path, table: str
) -> Path:
    """The file, within `folder`. NotFound, NotReady, InvalidInput, Busy, DataError; PreflightFailed without polars."""
    run = get_view(context, run_id).run
    if run.spec.engine != FORECAST:
        raise InvalidInput("run id", run_id, f"a forecasting run; this one trained {run.spec.engine}")
    if run.state is not State.DONE:
        raise NotReady(f"{run_id} is {run.state}: only a completed run forecasts", state=run.state.value)
    path = folder / "predictions.parquet"
    predictor.predict(context.run_dir(run_id).path, _find_data(context, data), path)
    return path if table == "parquet" else _convert(path, table)


def _find_data(context: Context, data: str | None) -> Path | None:
    if data is None:
        return None
    require_filename(data)
    path = context.policy.candles_dir / data
    if not path.is_file():
        raise NotFound(f"there is no file {data} in the candles folder: GET /datasets tells which there are")
    return path


def _convert(path: Path, table: str) -> Path:
    require_package("polars", "data")
    polars = import_module("polars")
    converted = path.with_suffix(f".{table}")
    frame = polars.read_parquet(path)
    if table == "csv":
        frame.write_csv(converted)
    else:
        frame.write_json(converted)
    return converted
