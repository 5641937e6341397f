"""What a run is about, whatever its engine: the symbols and the timeframes that its configuration names."""

from __future__ import annotations

import re
from typing import Any

from headway.domain.specs import Spec
from headway.domain.trading import TIMEFRAMES_S

CANDLES_FILE = re.compile(rf"([A-Za-z0-9]+?)(?:USDT)?_({'|'.join(TIMEFRAMES_S)})\.(?:csv|parquet)")


def symbols_of(spec: Spec) -> tuple[str, ...]:
    """The symbols, in the order in which the configuration names them."""
    config: dict[str, Any] = dict(spec.config)
    if spec.engine == "forecast":
        return (symbol_of_source(str(config["data"]["source"])),)
    return tuple(str(symbol) for symbol in config.get("symbols", ()))


def timeframes_of(spec: Spec) -> tuple[str, ...]:
    """The timeframes, finest first."""
    config: dict[str, Any] = dict(spec.config)
    if spec.engine == "forecast":
        return tuple(config["data"]["timeframes"])
    return (str(config["timeframe"]),) if "timeframe" in config else ()


def symbol_of_source(source: str) -> str:
    """`BTC` of `BTC` and of `BTCUSDT_1h.csv`; the text itself where it names no such file."""
    match = CANDLES_FILE.fullmatch(source)
    return match[1] if match else source
