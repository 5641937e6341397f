"""Features: causal, whole, the same columns for every symbol; scaled by the train window alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headway.domain.errors import DataError, PreflightFailed
from headway.domain.manifest import DataSource
from headway.domain.trading import FEATURE_GROUPS
from headway.engines.ppo.accounts import Floats
from headway.engines.ppo.columns import SLOW
from headway.engines.ppo.features import (
    Recipe,
    build_market,
    choose_recipe,
    describe_features,
    fit_market,
    scale_market,
)
from headway.engines.ppo.leaks import find_leaks, require_causal
from headway.engines.ppo.windows import PURGE_BARS, split
from headway.engines.scaling import Scaler
from headway.markets.candles import Candles
from headway.markets.estimators import Columns, divide

HOUR_S = 3_600
ALL = Recipe(FEATURE_GROUPS)


def make_candles(bars: int = 900, seed: int = 1, *, symbol: str = "BTC", with_book: bool = False) -> Candles:
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.standard_normal(bars) * 0.01))
    before = np.append(100.0, close[:-1])
    high = np.maximum(before, close) * (1.0 + 0.004 * draw.random(bars))
    low = np.minimum(before, close) * (1.0 - 0.004 * draw.random(bars))
    book = {
        "bid": close * 0.9995,
        "ask": close * 1.0005,
        "bid_size": draw.random(bars) * 5.0,
        "ask_size": draw.random(bars) * 5.0,
    }
    return Candles(
        symbol=symbol,
        timeframe="1h",
        at_s=1_600_002_000 - 1_600_002_000 % HOUR_S + HOUR_S * np.arange(1, bars + 1, dtype=np.int64),
        open=before,
        high=high,
        low=low,
        close=close,
        volume=draw.random(bars) * 1_000.0,
        book=book if with_book else None,
        source=DataSource(f"{symbol}USDT_1h.csv", "file", "ab" * 32, bars, "", ""),
    )


def columns_of(computed: dict[str, Columns]) -> dict[str, Floats]:
    return {f"{group}.{name}": values for group, found in computed.items() for name, values in found.items()}


def test_later_bars_change_no_feature_of_an_earlier_bar() -> None:
    assert find_leaks(make_candles(), ALL.compute) == []
    assert (
        find_leaks(
            make_candles(with_book=True),
            choose_recipe(FEATURE_GROUPS, [make_candles(with_book=True)]).compute,
        )
        == []
    )


@pytest.mark.parametrize("ahead", [1, 24, 300])
def test_a_planted_look_ahead_is_found_and_named(ahead: int) -> None:
    def peek(candles: Candles) -> dict[str, Columns]:
        later = np.append(candles.close, np.full(ahead, np.nan))[ahead:]
        return {"price": {**ALL.compute(candles)["price"], "peek": later / candles.close}}

    (leak,) = find_leaks(make_candles(), peek)

    assert leak.feature == "price.peek"
    with pytest.raises(PreflightFailed, match=r"1 features look ahead: price\.peek"):
        require_causal(make_candles(), peek)


def test_scaling_by_the_whole_file_is_found_as_a_look_ahead() -> None:
    def standardize(candles: Candles) -> dict[str, Columns]:
        return {"price": {"level": (candles.close - candles.close.mean()) / candles.close.std()}}

    assert [leak.feature for leak in find_leaks(make_candles(), standardize)] == ["price.level"]


def test_the_warm_up_is_dropped_and_all_that_is_left_is_finite() -> None:
    market = build_market(make_candles(), ALL.compute(make_candles()))

    assert len(market) == 900 - SLOW
    assert np.isfinite(market.features_rc).all()
    assert market.returns_r[0] == 0.0
    assert market.at_s_r[-1] == make_candles().at_s[-1]


def test_the_return_of_a_row_is_that_of_its_own_bar() -> None:
    candles = make_candles()
    market = build_market(candles, ALL.compute(candles))

    assert market.returns_r[5] == pytest.approx(candles.close[SLOW + 5] / candles.close[SLOW + 4] - 1.0)
    assert market.next_returns_r[5] == pytest.approx(candles.close[SLOW + 6] / candles.close[SLOW + 5] - 1.0)


def test_an_order_book_is_measured_and_bars_are_estimated() -> None:
    measured, estimated = make_candles(with_book=True), make_candles()
    groups = ("depth", "microstructure", "calendar")

    by_book = choose_recipe(groups, [measured])
    by_bars = choose_recipe(groups, [measured, estimated])
    described = describe_features(by_book, by_book.compute(measured))
    assumed = describe_features(by_bars, by_bars.compute(measured))

    assert [described[group]["estimated"] for group in groups] == [False, False, False]
    assert [assumed[group]["estimated"] for group in groups] == [True, True, False]
    assert "book_imbalance" in str(described["depth"]["columns"])
    assert "book_imbalance" not in str(assumed["depth"]["columns"])


def test_a_price_that_stands_still_gives_finite_features() -> None:
    candles = make_candles()
    flat = np.full(len(candles), 100.0)
    still = candles.evolve(open=flat, high=flat, low=flat, close=flat, volume=np.zeros(len(candles)))

    market = build_market(still, ALL.compute(still))

    assert np.isfinite(market.features_rc).all()


def test_too_few_bars_for_the_features_are_an_error_that_says_so() -> None:
    candles = make_candles(bars=SLOW)
    with pytest.raises(DataError, match="168 bars of BTC are too few"):
        build_market(candles, ALL.compute(candles))


def test_a_hole_in_a_feature_is_an_error_that_names_it() -> None:
    candles = make_candles()
    holed = np.zeros(len(candles))
    holed[500] = np.nan
    with pytest.raises(
        DataError, match=r"feature price\.holed of BTC is nan in row 501, the bar that closes at 2020"
    ):
        build_market(candles, {"price": {"holed": holed}})


def test_the_hour_and_the_weekday_are_those_of_the_close() -> None:
    candles = make_candles()
    found = ALL.compute(candles)["calendar"]
    monday = 1_600_646_400  # 2020-09-21, midnight: the hour that closes then ends the Sunday
    row = int(np.flatnonzero(candles.at_s == monday)[0])

    assert found["hour_cos"][row] == pytest.approx(1.0)
    assert found["weekday_cos"][row] == pytest.approx(1.0)
    assert found["hour_sin"][row + 6] == pytest.approx(1.0)


def test_the_scaler_knows_the_train_window_alone() -> None:
    market = build_market(make_candles(), ALL.compute(make_candles()))
    windows = split(market, HOUR_S)
    wild = replace(market, features_rc=market.features_rc.copy())
    wild.features_rc[market.at_s_r > windows.train.at_s_r.max()] *= 1_000.0

    calm, same = fit_market(windows.train), fit_market(split(wild, HOUR_S).train)

    np.testing.assert_array_equal(calm.centre_c, same.centre_c)
    np.testing.assert_array_equal(calm.spread_c, same.spread_c)
    assert np.abs(scale_market(wild, same).features_rc).max() <= same.clip


def test_a_scaler_survives_its_file_and_refuses_other_columns() -> None:
    market = build_market(make_candles(), ALL.compute(make_candles()))
    scaler = fit_market(market)
    again = Scaler.from_json(dict(scaler.to_json()))

    np.testing.assert_array_equal(
        scale_market(market, again).features_rc, scale_market(market, scaler).features_rc
    )
    with pytest.raises(ValueError, match="cannot scale"):
        scale_market(replace(market, names=("other",) * len(market.names)), scaler)


def test_constant_and_mostly_constant_columns_are_scaled_to_finite_numbers() -> None:
    market = build_market(make_candles(), ALL.compute(make_candles()))
    features = market.features_rc.copy()
    features[:, 0] = 3.0
    features[:, 1] = 0.0
    features[::50, 1] = 1.0
    scaled = scale_market(
        replace(market, features_rc=features), fit_market(replace(market, features_rc=features))
    )

    assert np.abs(scaled.features_rc[:, 0]).max() == 0.0
    assert 0.0 < np.abs(scaled.features_rc[:, 1]).max() <= 5.0


def test_windows_follow_each_other_with_a_purged_bar_between() -> None:
    market = build_market(make_candles(), ALL.compute(make_candles()))
    windows = split(market, HOUR_S)
    gaps = [
        later.at_s_r.min() - earlier.at_s_r.max()
        for earlier, later in ((windows.train, windows.validation), (windows.validation, windows.test))
    ]

    assert gaps == [HOUR_S * (PURGE_BARS + 1)] * 2
    assert len(windows.train) + len(windows.validation) + len(windows.test) == len(market) - 2 * PURGE_BARS
    assert len(windows.train) / len(market) == pytest.approx(0.7, abs=0.01)
    assert windows.test.at_s_r.max() == market.at_s_r.max()
    assert [window.name for window in windows.describe()] == ["train", "validation", "test"]


def test_windows_that_are_too_short_are_an_error() -> None:
    market = build_market(make_candles(bars=SLOW + 100), ALL.compute(make_candles(bars=SLOW + 100)))
    with pytest.raises(DataError, match="the validation window has"):
        split(market, HOUR_S)


def test_a_division_by_nothing_is_nothing_and_the_unknown_stays_unknown() -> None:
    found = divide(np.array([1.0, 1.0, np.nan]), np.array([0.0, 2.0, 2.0]))

    np.testing.assert_array_equal(found, [0.0, 0.5, np.nan])
