"""Predictions as a table, and the report of a forecasting run as a page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from headway.domain.manifest import DataSource, Manifest
from headway.engines.forecast.assess import assess
from headway.engines.forecast.baselines import forecast_linear, forecast_no_change
from headway.engines.forecast.panel import Panel
from headway.engines.forecast.predictions import tabulate
from headway.engines.forecast.report import History, ReportContents, render_report, write_report
from headway.engines.tables import write_table
from tests.fakes.walks import walk_candles
from tests.unit.engines.test_forecast_prepare import make, make_config

CONFIG = make_config()


@dataclass(frozen=True)
class Validation:
    step: int
    loss: float
    scores: Mapping[str, float]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make(walk_candles(4_000), CONFIG).panel


def make_contents(panel: Panel, *, validations: int = 5) -> ReportContents:
    rows = panel.windows["test"]
    forecast = forecast_linear(panel, rows)
    found = [
        Validation(100 * k, 1.0 / k, {"da": 0.5, "baseline_da": 0.51, "rmse": 0.01, "baseline_rmse": 0.01})
        for k in range(1, validations + 1)
    ]
    losses = [(step, 2.0 / step) for step in range(1, 100 * validations)]
    return ReportContents(
        title="Forecast of <BTC>",
        manifest=Manifest(
            run_id="fc_1",
            attempt=1,
            created_at="2026-01-01T00:00:00Z",
            seed=42,
            spec={},
            versions={"python": "3.11"},
            git={},
            machine={"cpus": 2},
            data=(panel.data_source,),
        ),
        config=CONFIG,
        panel=panel,
        forecast=forecast,
        assessment=assess(panel, rows, forecast, CONFIG, seed=1),
        history=History(500, 5, 61.0, 300, found, losses, losses),
    )


def test_the_table_has_a_row_for_every_row_of_the_splits_and_nulls_where_the_future_is_not_known(
    panel: Panel, tmp_path: Path
) -> None:
    forecasts = {name: forecast_linear(panel, rows) for name, rows in panel.windows.items()}
    write_table(tmp_path / "predictions.parquet", tabulate(panel, panel.windows, forecasts))
    table = pl.read_parquet(tmp_path / "predictions.parquet")

    assert table.columns == [
        "timestamp", "split", "close",
        *(f"{name}_h{h}" for name in ("pred_mean", "pred_lower", "pred_upper", "target") for h in (1, 2, 3)),
        "short_prob_down", "short_prob_flat", "short_prob_up", "short_target",
        "long_prob_down", "long_prob_flat", "long_prob_up", "long_target",
    ]  # fmt: skip
    assert table["timestamp"].is_sorted()
    assert table.group_by("split").len().sort("split")["len"].to_list() == [
        len(panel.windows[name]) for name in ("test", "train", "validation")
    ]
    assert table["target_h3"].null_count() == 3
    assert (table["short_target"].null_count(), table["long_target"].null_count()) == (4, 24)
    assert not any(series.is_nan().any() for series in table if series.dtype.is_float())
    assert set(table["short_target"].drop_nulls().to_list()) <= {0, 1, 2}


def test_the_table_holds_plain_log_returns_since_the_close_of_its_row(panel: Panel) -> None:
    rows = panel.windows["test"][:50]
    table = tabulate(panel, {"test": rows}, {"test": forecast_linear(panel, rows)})
    close = table["close"].to_list()
    for k in range(40):
        assert table["target_h2"][k] == pytest.approx(math.log(close[k + 2] / close[k]), rel=1e-5, abs=1e-9)
    assert int(table["timestamp"].dt.epoch("s")[0]) == panel.at_s[rows[0]]


def test_bounds_that_a_model_does_not_give_are_null(panel: Panel) -> None:
    rows = panel.windows["test"]
    plain = replace(forecast_no_change(panel, rows), lower=None, upper=None)
    table = tabulate(panel, {"test": rows}, {"test": plain})
    assert table["pred_lower_h1"].null_count() == len(rows)
    assert table["pred_mean_h1"].null_count() == 0
    assert not any(name.startswith("pred_q") for name in table.columns)


def test_quantiles_that_were_asked_for_are_columns(panel: Panel) -> None:
    rows = panel.windows["test"]
    plain = forecast_no_change(panel, rows)
    table = tabulate(panel, {"test": rows}, {"test": replace(plain, quantiles={0.05: plain.mean - 1.0})})
    assert table["pred_q0.05_h1"].to_list() == pytest.approx([-panel.target_scale] * len(rows))


def test_a_report_is_one_page_that_loads_nothing_and_tells_what_it_must(panel: Panel, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", make_contents(panel))
    page = (tmp_path / "report.html").read_text()

    assert not re.search(r'(?:src|href)="', page)
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;BTC&gt;" in page
    assert "<BTC>" not in page
    for words in (
        "than the naive forecast of no change", "Short trend: ", "Long trend: ", "RMSE", "Directional accuracy",
        "Within the interval of 80 %", "By bars ahead", "came / forecast", "Predicted (across) and realised",
        "Short trend: right, by how sure", "Learning rate", "validation", "rsi_14", "The 24 rows before each cut",
        "61", "fc_1", panel.data_source.sha256,
    ):  # fmt: skip
        assert words in page, words
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower().split()


def test_a_report_of_a_training_without_validations_says_so(panel: Panel) -> None:
    contents = make_contents(panel, validations=0)
    page = render_report(replace(contents, history=History(1, 1, 0.5, 1, ())))
    assert "no validation was recorded" in page


@pytest.mark.parametrize(
    ("origin", "words"), [("packaged", "Not your own data: demo"), ("simulated", "Simulated data: demo")]
)
def test_data_that_are_not_the_users_own_are_labelled(panel: Panel, origin: str, words: str) -> None:
    labelled = replace(panel, data_source=DataSource("x", origin, "ab", 1, "", "", "demo"))
    assert words in render_report(replace(make_contents(panel), panel=labelled))


def test_a_forecast_of_other_rows_than_the_test_makes_no_report(panel: Panel) -> None:
    with pytest.raises(ValueError, match="a forecast of 3 rows for"):
        replace(make_contents(panel), forecast=forecast_linear(panel, panel.windows["test"][:3]))


def test_test_rows_without_any_future_leave_a_report_with_reasons(panel: Panel) -> None:
    rows = panel.windows["test"][-1:]
    newest = replace(panel, windows={**panel.windows, "test": rows})
    forecast = forecast_linear(panel, rows)
    found = assess(newest, rows, forecast, CONFIG, seed=1)
    page = render_report(replace(make_contents(panel), panel=newest, forecast=forecast, assessment=found))
    assert "Nothing can be said of the path: no row of the split has the future that it asks for." in page
    assert "no test row has a next bar" in page
    assert "no test row has a trend" in page
