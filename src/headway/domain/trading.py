"""The configuration of a PPO trading run: one shape for API, CLI, preflight and engine."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject

FEATURE_GROUPS = ("price", "volume", "depth", "microstructure", "calendar")
TIMEFRAMES_S: dict[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
    "1w": 604800,
}
MAX_SEED = 2**32 - 1
MAX_STEPS = 10_000_000_000
MIN_BARS = 500  # fewer cannot be split into train, validation and test windows that mean anything


@dataclass(frozen=True)
class TradingConfig:
    """What the PPO engine is told. Fees and slippage in basis points of the traded value, each way."""

    symbols: tuple[str, ...] = ("BTC",)
    timeframe: str = "1h"
    features: tuple[str, ...] = ("price", "depth")
    steps: int | None = None  # None: until the duration is over
    version: str = "1.1"
    allow_short: bool = True
    fee_bps: float = 10.0
    slippage_bps: float = 2.0
    skip_validation: bool = False  # gaps in the candles are warnings rather than errors

    def to_json(self) -> JsonObject:
        return {**vars(self), "symbols": list(self.symbols), "features": list(self.features)}

    @classmethod
    def from_json(cls, data: JsonObject) -> TradingConfig:
        """The configuration in `data`; InvalidInput for a key that is not known."""
        for key in data:
            if key not in _known_keys():
                raise InvalidInput("config", key, f"known keys are {', '.join(sorted(_known_keys()))}")
        values: dict[str, Any] = dict(data)
        for name in ("symbols", "features"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)


@cache
def _known_keys() -> frozenset[str]:
    return frozenset(field.name for field in fields(TradingConfig))


def require_features(features: tuple[str, ...]) -> tuple[str, ...]:
    """At least one known group, none twice; InvalidInput otherwise."""
    bound = f"known groups are {', '.join(FEATURE_GROUPS)}"
    if not features:
        raise InvalidInput("features", [], f"at least one group; {bound}")
    for name in features:
        if name not in FEATURE_GROUPS:
            raise InvalidInput("features", name, bound)
    if len(set(features)) != len(features):
        raise InvalidInput("features", list(features), "each group at most once")
    return features


def require_symbols(symbols: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """At least one symbol of the allow-list, none twice; InvalidInput otherwise."""
    bound = f"the allow-list is {', '.join(allowed)}"
    remedy = "Add it to HEADWAY_SYMBOLS to allow it"
    if not symbols:
        raise InvalidInput("symbols", [], f"at least one; {bound}")
    for symbol in symbols:
        if symbol not in allowed:
            raise InvalidInput("symbols", symbol, bound, remedy=remedy)
    if len(set(symbols)) != len(symbols):
        raise InvalidInput("symbols", list(symbols), "each symbol at most once")
    return symbols


def require_timeframe(timeframe: str) -> str:
    """One of the known timeframes; InvalidInput otherwise."""
    if timeframe not in TIMEFRAMES_S:
        raise InvalidInput("timeframe", timeframe, f"known timeframes are {', '.join(TIMEFRAMES_S)}")
    return timeframe
