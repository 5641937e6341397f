from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from headway.domain.errors import InvalidInput
from headway.domain.trading import (
    FEATURE_GROUPS,
    TIMEFRAMES_S,
    TradingConfig,
    require_features,
    require_symbols,
    require_timeframe,
)

_ALLOWED = ("BTC", "ETH")


def test_a_configuration_comes_back_as_it_was_through_json_text() -> None:
    config = TradingConfig(("ETH", "BTC"), "15m", ("volume",), 5_000, "2.0", False, 1.5, 0.0, True)

    assert TradingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert TradingConfig.from_json({}) == TradingConfig()


def test_an_unknown_key_of_a_configuration_is_named_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInput, match="known keys are allow_short") as caught:
        TradingConfig.from_json({"leverage": 10})
    assert caught.value.value == "leverage"


def test_every_known_group_of_features_is_taken() -> None:
    assert require_features(FEATURE_GROUPS) == FEATURE_GROUPS


def test_every_symbol_of_the_allow_list_is_taken_in_the_order_given() -> None:
    assert require_symbols(("ETH", "BTC"), _ALLOWED) == ("ETH", "BTC")


def test_every_known_timeframe_is_taken_and_each_is_longer_than_the_one_before() -> None:
    assert [require_timeframe(name) for name in TIMEFRAMES_S] == list(TIMEFRAMES_S)
    lengths = list(TIMEFRAMES_S.values())
    assert lengths == sorted(set(lengths))
    assert TIMEFRAMES_S["1w"] == 7 * TIMEFRAMES_S["1d"] == 7 * 24 * TIMEFRAMES_S["1h"]


@pytest.mark.parametrize(
    ("refused", "field", "bound"),
    [
        (lambda: require_features(()), "features", "at least one group"),
        (lambda: require_features(("price", "astrology")), "features", "known groups are price"),
        (lambda: require_features(("price", "price")), "features", "at most once"),
        (lambda: require_symbols((), _ALLOWED), "symbols", "at least one"),
        (lambda: require_symbols(("BTC", "DOGE"), _ALLOWED), "symbols", "the allow-list is BTC, ETH"),
        (lambda: require_symbols(("btc",), _ALLOWED), "symbols", "the allow-list is BTC, ETH"),
        (lambda: require_symbols(("BTC", "BTC"), _ALLOWED), "symbols", "at most once"),
        (lambda: require_timeframe("2h"), "timeframe", "known timeframes are 1m"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(
    refused: Callable[[], object], field: str, bound: str
) -> None:
    with pytest.raises(InvalidInput, match=bound) as caught:
        refused()
    assert caught.value.field == field


def test_a_symbol_that_is_not_allowed_says_how_to_allow_it() -> None:
    with pytest.raises(InvalidInput, match="HEADWAY_SYMBOLS") as caught:
        require_symbols(("DOGE",), _ALLOWED)
    assert caught.value.value == "DOGE"
