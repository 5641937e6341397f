"""From candles to a panel: splits that do not touch, scalers that know train alone, errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from headway.control.forecast_plan import density_of, plan_rows
from headway.domain.errors import CorruptRunFile, DataError, InvalidInput
from headway.engines.forecast.panel import SPLITS, Panel
from headway.engines.forecast.prepare import Prepared, prepare, transform
from headway.engines.forecast.scalers import Scalers
from headway.markets.candles import COLUMNS, Candles
from headway.markets.catalog import FileCatalog
from headway.markets.load import load_file
from headway.wire.forecast import DataConfig, FeatureConfig, ForecastConfig, HorizonConfig, ModelConfig
from tests.fakes.walks import walk_candles, without_rows

HOUR_S = 3_600
CONTEXT = 12


def make_config(
    *, timeframes: tuple[str, ...] = ("1h", "4h"), horizons: dict[str, Any] | None = None, **data: Any
) -> ForecastConfig:
    return ForecastConfig(
        data=DataConfig(source="BTC", base_timeframe=timeframes[0], timeframes=timeframes, **data),
        features=FeatureConfig(indicators=("RSI", "EMA")),
        horizons=HorizonConfig(**{"next_bars": 3, "short": "4h", "long": "1d", **(horizons or {})}),
        model=ModelConfig(patch_len=4, stride=2, context_patches=5),
    )


def make(candles: Candles | None = None, config: ForecastConfig | None = None) -> Prepared:
    config = config or make_config()
    context = dict.fromkeys(config.data.timeframes, CONTEXT)
    return prepare(config, candles or walk_candles(3_000), context_bars=context)


def furthest_future_s(panel: Panel, row: int) -> int:
    """Close of the last bar that any label of the row looks at, by the horizons of `make_config`."""
    return int(panel.at_s[row]) + 24 * HOUR_S


def test_no_label_of_a_split_reaches_into_the_next() -> None:
    panel = make().panel
    for before, after in (("train", "validation"), ("validation", "test")):
        first_s = int(panel.at_s[panel.windows[after][0]])
        assert furthest_future_s(panel, int(panel.windows[before][-1])) < first_s


def test_splits_are_70_15_15_of_the_rows_with_a_context_in_order_of_time() -> None:
    panel = make().panel
    usable = [
        row
        for row in range(len(panel.at_s))
        if all(panel.last_bar[name][row] >= CONTEXT - 1 for name in panel.timeframes)
    ]
    first, second = int(0.7 * len(usable)), int(0.85 * len(usable))
    assert panel.windows["train"].tolist() == usable[: first - 24]
    assert panel.windows["validation"].tolist() == usable[first : second - 24]
    assert panel.windows["test"].tolist() == usable[second:]


@pytest.mark.parametrize("timeframes", [("1h",), ("1h", "4h"), ("1h", "1d")])
def test_a_preview_counts_the_rows_that_are_found(timeframes: tuple[str, ...]) -> None:
    config = make_config(timeframes=timeframes)
    context = dict.fromkeys(timeframes, config.model.context_bars)
    panel = prepare(config, walk_candles(12_000), context_bars=context).panel

    found = {name: len(rows) for name, rows in panel.windows.items()}
    plan = plan_rows(config, 12_000)

    assert {"train": plan.train, "validation": plan.validation, "test": plan.test} == found


def test_purging_more_is_allowed_and_less_than_the_longest_horizon_is_not() -> None:
    more = make(config=make_config(purge_bars=100)).panel
    assert more.windows["validation"][0] - more.windows["train"][-1] == 101
    with pytest.raises(ValidationError, match=r"purge_bars \(23\) must be at least 24, .*Leave it out"):
        make_config(purge_bars=23)


def test_the_newest_rows_have_no_label_and_stay_in_the_test() -> None:
    panel = make().panel
    assert panel.windows["test"][-1] == len(panel.at_s) - 1
    assert panel.long_target[-24:].tolist() == [-1] * 24
    assert panel.short_target[-4:].tolist() == [-1] * 4
    assert panel.short_target[-5] >= 0
    assert np.isnan(panel.path_target[-1]).all()


@pytest.mark.parametrize("kind", ["robust", "standard"])
def test_scalers_and_target_scale_know_nothing_after_the_last_train_row(kind: str) -> None:
    candles = walk_candles(3_000)
    calm = make(candles, make_config(scaler=kind))
    last_s = int(calm.panel.at_s[calm.panel.windows["train"][-1]])
    later = candles.at_s > last_s
    factor = np.where(later, 7.0, 1.0)
    wild = candles.evolve(
        **{name: getattr(candles, name) * factor for name in ("open", "high", "low", "close", "volume")}
    )
    other = make(wild, make_config(scaler=kind))
    assert other.scalers.to_json() == calm.scalers.to_json()


def test_scaled_features_have_about_unit_size_on_train_and_are_bounded() -> None:
    panel = make(config=make_config(scaler="standard")).panel
    for name, stream in panel.streams.items():
        train = stream[: panel.last_bar[name][panel.windows["train"][-1]] + 1]
        assert np.abs(stream).max() <= 5.0
        assert np.abs(train.mean(axis=0)).max() < 0.1
        np.testing.assert_allclose(train.std(axis=0), 1.0, atol=0.2)


def test_targets_are_in_units_of_the_train_returns() -> None:
    panel = make().panel
    train = panel.close[: panel.windows["train"][-1] + 1]
    assert panel.target_scale == pytest.approx(np.diff(np.log(train)).std())
    row = 500
    expected = np.log(panel.close[row + 2] / panel.close[row]) / panel.target_scale
    assert panel.path_target[row, 1] == pytest.approx(expected, rel=1e-5)


def test_a_panel_is_contiguous_whole_and_the_same_every_time() -> None:
    first, second = make().panel, make().panel
    assert first.digest() == second.digest()
    rows = (*first.last_bar.values(), first.at_s, *first.windows.values())
    for array in (*first.streams.values(), first.path_target):
        assert array.flags.c_contiguous
        assert array.dtype == np.float32
    assert all(array.flags.c_contiguous and array.dtype == np.int64 for array in rows)
    assert all(np.isfinite(stream).all() for stream in first.streams.values())


def test_another_horizon_is_another_panel() -> None:
    assert make().panel.digest() != make(config=make_config(horizons={"next_bars": 2})).panel.digest()


def test_the_same_candles_transformed_are_the_panel_and_new_ones_need_no_future() -> None:
    candles, config = walk_candles(3_000), make_config()
    trained = make(candles, config)
    stored = Scalers.from_json(json.loads(json.dumps(trained.scalers.to_json())))
    context = dict(trained.panel.context_bars)
    again = transform(candles, stored, config, context_bars=context)
    for name in trained.panel.timeframes:
        np.testing.assert_array_equal(again.streams[name], trained.panel.streams[name])
    assert set(again.windows) == {"new"}
    assert again.windows["new"][-1] == len(again.at_s) - 1
    with pytest.raises(
        DataError, match=r"no row of 820 bars has the context .*12 of 1h, 12 of 4h.*Give more candles"
    ):
        transform(walk_candles(820), stored, config, context_bars={"1h": 12, "4h": 12})


@pytest.mark.parametrize(
    "stored", [{}, {"target_scale": 1.0}, {"target_scale": 1, "timeframes": {"1h": {}}}, {"timeframes": []}]
)
def test_a_scaler_file_of_another_shape_is_told(stored: dict[str, Any]) -> None:
    with pytest.raises(CorruptRunFile, match=r"scaler.json"):
        Scalers.from_json(stored)


def test_dates_cut_the_candles_by_the_opening_of_the_bars() -> None:
    config = make_config(start_date="2020-09-20", end_date="2020-12-20T12:00:00Z")
    source = make(config=config).panel.data_source
    assert (source.first[:16], source.last[:16]) == ("2020-09-20T01:00", "2020-12-20T12:00")


def test_stock_sessions_are_not_gaps() -> None:
    candles = walk_candles(2_500, "1d")
    weekdays = (candles.open_at_s // 86_400 + 3) % 7 < 5
    sessions = candles.evolve(**{name: values[weekdays] for name, values in candles.columns()})
    config = make_config(timeframes=("1d",), horizons={"next_bars": 2, "short": "1d", "long": "2w"})
    panel = make(sessions, config).panel
    for name in ("train", "validation"):
        assert np.isfinite(panel.path_target[panel.windows[name]]).all()
        assert (panel.short_target[panel.windows[name]] >= 0).all()


def test_rows_whose_every_label_a_gap_masks_are_not_learnt_from() -> None:
    candles = without_rows(walk_candles(3_000), 1_500, 1_600)
    panel = make(candles, make_config(horizons={"next_bars": 1, "short": "1h", "long": "2h"})).panel
    last_before = int(np.searchsorted(panel.at_s, candles.at_s[1_499]))
    assert last_before not in panel.windows["train"]
    assert {last_before - 1, last_before + 1} <= set(panel.windows["train"].tolist())


BAD = {
    "too few rows": (
        walk_candles(900),
        make_config(),
        DataError,
        r"\d+ rows are left to train, at least 30 .*24 are purged",
    ),
    "no test rows": (
        walk_candles(3_000),
        make_config(train_fraction=0.84, validation_fraction=0.155),
        DataError,
        r"\d+ rows are left to test",
    ),
    "no validation rows": (
        walk_candles(2_000),
        make_config(train_fraction=0.7, validation_fraction=0.01),
        DataError,
        r"0 rows are left to validation",
    ),
    "long horizon": (
        walk_candles(1_000),
        make_config(horizons={"long": "30w"}),
        InvalidInput,
        r"horizons.long = '30w' .*5040 bars of 1h must be fewer than the \d+ rows",
    ),
    "path": (
        walk_candles(400),
        make_config(timeframes=("1h",), horizons={"next_bars": 250, "long": "1d"}),
        InvalidInput,
        r"horizons.next_bars = 250 ",
    ),
    "finer timeframe": (
        walk_candles(1_000, "4h"),
        make_config(timeframes=("1h", "4h")),
        InvalidInput,
        r"data.timeframes = '1h' .*multiple of the candles' own 4h",
    ),
    "weeks": (
        walk_candles(3_000),
        make_config(timeframes=("1h", "1w")),
        DataError,
        r"17 bars of 1w are too few for the features .*features.per_timeframe",
    ),
    "dates outside": (
        walk_candles(1_000),
        make_config(start_date="2031-01-01"),
        InvalidInput,
        r"data.start_date = '2031-01-01' .*no bar lies between the dates: the candles go from 2020-09-14",
    ),
    "end before": (
        walk_candles(1_000),
        make_config(end_date="2019-01-01"),
        InvalidInput,
        r"data.end_date = '2019-01-01' .*no bar",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_the_data_do_not_allow_is_refused_with_field_bound_and_remedy(name: str) -> None:
    candles, config, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        make(candles, config)


def test_a_close_that_never_moves_teaches_nothing() -> None:
    candles = walk_candles(3_000)
    flat = np.full(3_000, 5.0)
    with pytest.raises(DataError, match="the close does not move on the train rows"):
        make(candles.evolve(open=flat, high=flat, low=flat, close=flat))


def test_what_is_allowed_and_yet_worth_saying_is_a_warning() -> None:
    candles = walk_candles(3_000).evolve(open=walk_candles(3_000).close)
    warnings = " | ".join(make(candles, make_config(horizons={"short": "30m"})).panel.warnings)
    assert "price.body of 1h never change on the train rows" in warnings
    assert "the short horizon of 30m is less than a bar of 1h" in warnings
    assert "4h bars were made from 1h bars" in warnings


def test_splits_are_those_that_others_know_by_name() -> None:
    assert tuple(make().panel.windows) == SPLITS


def test_hours_of_a_market_that_closes_at_night_are_learnt_from(tmp_path: Path) -> None:
    whole = walk_candles(24 * 7 * 60)
    hour, weekday = (
        whole.at_s // HOUR_S % 24,
        (whole.at_s - 1) // (24 * HOUR_S) % 7,
    )  # the epoch was a Thursday
    open_rows = np.flatnonzero((hour >= 14) & (hour < 21) & (weekday != 2) & (weekday != 3))
    lines = ["timestamp,open,high,low,close,volume"]
    for row in open_rows.tolist():
        prices = ",".join(repr(float(values[row])) for name, values in whole.columns() if name in COLUMNS)
        lines.append(f"{int(whole.open_at_s[row])},{prices}")
    (tmp_path / "XYZ_1h.csv").write_text("\n".join(lines))
    config = make_config(timeframes=("1h", "4h", "1d"), horizons={"next_bars": 10}, allow_gaps=True)

    panel = make(load_file(tmp_path / "XYZ_1h.csv", "XYZ", "1h", allow_gaps=True), config).panel

    train = panel.windows["train"]
    coverage = FileCatalog(tmp_path).coverage("XYZ", "1h")
    foretold = plan_rows(config, len(open_rows), density_of(config, coverage))
    assert (
        len(train) <= foretold.train < 2 * len(train)
    )  # the engine counts exactly: no run is refused unread
    assert len(open_rows) == 7 * 5 * 60
    assert np.isfinite(panel.path_target[train]).all()
    assert (panel.short_target[train] >= 0).all()
    assert (panel.long_target[train] >= 0).all()
