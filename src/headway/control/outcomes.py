"""What came out of a run, read from the tables that its engine has left."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from headway.control.context import Context
from headway.control.datasets import require_package
from headway.control.query import get_view
from headway.domain.errors import CorruptRunFile, NotFound
from headway.domain.outcomes import Calibration, EquityCurve, PathCurve, Span, TradePage
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire.rundir import RunDir

# Every function raises NotFound, saying why, for no such run or one without the table; InvalidInput for what the table
# does not hold; CorruptRunFile for one that is broken; PreflightFailed where polars is missing.

_ENDED_WITHOUT = (State.FAILED, State.CANCELLED)


def main_table(run: RunDir, engine: str) -> Path | None:
    """The table that the charts of an engine's results are drawn from; None for an engine without."""
    return {"ppo": run.equity, "forecast": run.predictions}.get(engine)


def why_nothing(context: Context, run: Run) -> str:
    """Why there is nothing to draw of a run; empty when there is, or when its engine leaves nothing to draw."""
    table = main_table(context.run_dir(run.id), run.spec.engine)
    return "" if table is None or table.is_file() else _explain(run, table)


def read_equity(context: Context, run_id: str, *, symbol: str | None, span: Span, points: int) -> EquityCurve:
    """Agent and buy and hold in the test window of a PPO run, of one symbol or of all together."""
    path = context.run_dir(run_id).equity
    found = _read(context, run_id, path, lambda: _module("traded").read_equity(path, symbol, span, points))
    return cast("EquityCurve", found)


def read_trades(context: Context, run_id: str, *, symbol: str | None, offset: int, count: int) -> TradePage:
    """Some of the trades of the agent in the test window."""
    path = context.run_dir(run_id).trades
    found = _read(context, run_id, path, lambda: _module("traded").read_trades(path, symbol, offset, count))
    return cast("TradePage", found)


def read_path(
    context: Context, run_id: str, *, split: str | None, bar: int, span: Span, points: int
) -> PathCurve:
    """Forecasts of one bar ahead beside what came; without a split, of the test."""
    path = context.run_dir(run_id).predictions
    found = _read(
        context, run_id, path, lambda: _module("foretold").read_path(path, split, bar, span, points)
    )
    return cast("PathCurve", found)


def read_calibration(context: Context, run_id: str, *, split: str | None) -> Calibration:
    """Whether probabilities and intervals of a forecast run came true as often as they say."""
    path = context.run_dir(run_id).predictions
    found = _read(context, run_id, path, lambda: _module("foretold").read_calibration(path, split))
    return cast("Calibration", found)


def _read(context: Context, run_id: str, path: Path, read: Callable[[], Any]) -> Any:
    run = get_view(context, run_id).run
    if not path.is_file():
        raise NotFound(_explain(run, path))
    require_package("polars", "data")
    polars = import_module("polars")
    try:
        return read()
    except (polars.exceptions.PolarsError, OSError, TypeError) as error:
        raise CorruptRunFile(f"{path.name} cannot be read: {error}") from error


def _module(name: str) -> Any:
    return import_module(f"headway.evaluation.{name}")


def _explain(run: Run, path: Path) -> str:
    if run.state is State.DONE:
        return f"This run has left no {path.name}: an earlier version made it, or the file was removed."
    if run.state in _ENDED_WITHOUT:
        return "The run ended before its evaluation: there is nothing to show."
    return "Shown once the evaluation has ended."
