"""From an assignment to a plan: what is fitted, and on which bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headway.domain.trading import TradingConfig
from headway.engines.base import Assignment
from headway.engines.ppo.features import fit_market
from headway.engines.ppo.market import join_markets
from headway.engines.ppo.prepare import Prepared, prepare
from headway.wire.rundir import RunDir
from tests.factories import make_spec, run_id
from tests.fakes.candles import write_candles
from tests.fakes.reporter import RecordingReporter


def _prepare(folder: Path) -> Prepared:
    write_candles(folder / "candles" / "BTCUSDT_1h.csv", bars=1500, seed=4)
    config = TradingConfig(features=("price", "volume"), steps=10_000)
    run = RunDir(folder / "run")
    spec = make_spec(config=config.to_json())
    assignment = Assignment(run_id(1), 1, spec, run, folder / "candles", seed=1)
    return prepare(assignment, RecordingReporter(run))


def test_the_scaler_knows_the_train_window_and_nothing_else(tmp_path: Path) -> None:
    prepared = _prepare(tmp_path)
    windows = prepared.windows

    of_train = fit_market(windows.train)
    of_all = fit_market(join_markets([windows.train, windows.validation, windows.test]))

    assert np.array_equal(prepared.scaler.centre_c, of_train.centre_c)
    assert np.array_equal(prepared.scaler.spread_c, of_train.spread_c)
    assert not np.array_equal(of_all.centre_c, of_train.centre_c)


def test_windows_follow_one_another_in_time_and_share_no_bar(tmp_path: Path) -> None:
    windows = _prepare(tmp_path).windows

    assert windows.train.at_s_r.max() < windows.validation.at_s_r.min()
    assert windows.validation.at_s_r.max() < windows.test.at_s_r.min()
