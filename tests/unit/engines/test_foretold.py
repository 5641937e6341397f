"""The table of predictions, read again for charts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headway.domain.errors import InvalidInput
from headway.domain.outcomes import Span
from headway.engines.forecast.baselines import forecast_no_change
from headway.engines.forecast.panel import Panel
from headway.engines.forecast.predictions import tabulate
from headway.engines.forecast.scores import score_forecast
from headway.engines.tables import write_table
from headway.evaluation.foretold import read_calibration, read_path
from tests.fakes.walks import walk_candles
from tests.unit.engines.test_forecast_prepare import make, make_config

ALL = Span()
SPLITS = ("validation", "test")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make(walk_candles(4_000), make_config()).panel


@pytest.fixture
def predictions(panel: Panel, tmp_path: Path) -> Path:
    windows = {name: panel.windows[name] for name in SPLITS}
    forecasts = {name: forecast_no_change(panel, rows) for name, rows in windows.items()}
    write_table(tmp_path / "predictions.parquet", tabulate(panel, windows, forecasts))
    return tmp_path / "predictions.parquet"


def test_a_path_holds_what_came_and_what_was_forecast_of_one_bar(panel: Panel, predictions: Path) -> None:
    found = read_path(predictions, None, 2, ALL, 100_000)
    rows = panel.windows["test"]
    came = panel.path_target[rows, 1].astype(float) * panel.target_scale

    assert (found.split, found.splits, found.bar, found.bars) == ("test", SPLITS, 2, panel.horizon)
    assert found.at_s == tuple(panel.at_s[rows].tolist())
    assert [np.nan if value is None else value for value in found.actual] == pytest.approx(came, nan_ok=True)
    assert found.lower is not None
    assert all(low <= mean for low, mean in zip(found.lower, found.forecast, strict=True) if low and mean)


def test_a_thinned_path_keeps_the_largest_moves(predictions: Path) -> None:
    whole, thin = (
        read_path(predictions, "validation", 1, ALL, 100_000),
        read_path(predictions, "validation", 1, ALL, 80),
    )
    moves = [value for value in whole.actual if value is not None]

    assert len(thin.at_s) <= 80 < len(whole.at_s)
    assert {max(moves), min(moves)} <= set(thin.actual)


def test_shares_within_the_interval_are_those_that_the_scores_tell(panel: Panel, predictions: Path) -> None:
    found = read_calibration(predictions, "test")
    rows = panel.windows["test"]
    scores = score_forecast(panel, rows, forecast_no_change(panel, rows))

    for shares, told in zip(found.bounds, scores.by_bar, strict=True):
        assert shares.inside_fraction == pytest.approx(told.coverage)
        assert shares.width == pytest.approx(told.width)
        assert shares.below_fraction + shares.inside_fraction + shares.above_fraction == pytest.approx(1.0)
    assert sum(each.rows for each in found.short) == scores.short.rows


def test_a_model_without_intervals_has_none(panel: Panel, tmp_path: Path) -> None:
    rows = panel.windows["test"]
    forecast = replace(forecast_no_change(panel, rows), lower=None, upper=None)
    write_table(tmp_path / "p", tabulate(panel, {"test": rows}, {"test": forecast}))

    assert read_path(tmp_path / "p", None, 1, ALL, 100).lower is None
    assert read_calibration(tmp_path / "p", None).bounds == ()


@pytest.mark.parametrize(
    ("split", "bar", "bound"), [("train", 1, "one of"), (None, 0, "from 1 to"), (None, 99, "from 1 to")]
)
def test_what_the_table_does_not_hold_is_refused(
    predictions: Path, split: str | None, bar: int, bound: str
) -> None:
    with pytest.raises(InvalidInput, match=bound):
        read_path(predictions, split, bar, ALL, 100)
