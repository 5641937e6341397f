from __future__ import annotations

from pathlib import Path

import pytest

from headway.control.preflight import preflight
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.trading import MIN_BARS, TradingConfig
from tests.factories import make_spec
from tests.fakes.services import Services, make_services


def _reason(services: Services, **changes: object) -> str:
    with pytest.raises(PreflightFailed) as caught:
        preflight(services.context, make_spec(**changes))
    assert str(caught.value)
    return caught.value.reason


def test_a_run_that_can_succeed_passes(services: Services) -> None:
    preflight(services.context, make_spec())


def test_an_engine_that_is_not_installed_is_a_rejection(services: Services) -> None:
    services.engines.missing.add("ppo")
    assert _reason(services) == Reason.PREFLIGHT_REJECTED


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    services = make_services(tmp_path, min_free_bytes=1 << 62)

    with pytest.raises(PreflightFailed, match="HEADWAY_MIN_FREE_MB") as caught:
        preflight(services.context, make_spec())

    assert caught.value.reason == Reason.DISK_FULL
    assert f"{1 << 42} MiB are needed" in str(caught.value)


def test_candles_that_cannot_be_used_are_said_in_their_own_words(services: Services) -> None:
    services.candles.failure = DataError("BTC_1h.csv row 7: high is below low")
    with pytest.raises(PreflightFailed, match="row 7") as caught:
        preflight(services.context, make_spec())
    assert caught.value.reason == Reason.DATA_UNAVAILABLE


@pytest.mark.parametrize("bars", [0, MIN_BARS - 1])
def test_too_few_bars_are_counted_and_named(services: Services, bars: int) -> None:
    services.candles.bars = bars
    config = TradingConfig(("ETH",), "4h").to_json()

    with pytest.raises(PreflightFailed, match=f"ETH has {bars} bars of 4h, at least {MIN_BARS}"):
        preflight(services.context, make_spec(config=config))
    assert _reason(services) == Reason.DATA_UNAVAILABLE


@pytest.mark.parametrize("bars", [MIN_BARS, None])
def test_just_enough_bars_and_bars_that_were_not_counted_pass(services: Services, bars: int | None) -> None:
    services.candles.bars = bars
    preflight(services.context, make_spec())


def test_another_engine_is_not_asked_for_candles(services: Services) -> None:
    services.candles.bars = 0
    preflight(services.context, make_spec(engine="lora", config={}))
