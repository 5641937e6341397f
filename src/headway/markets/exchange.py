"""An exchange as a source of candles: the port, and its adapter for ccxt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeAlias

from headway.domain.errors import DataError, InvalidInput

Rows: TypeAlias = Sequence[Sequence[float | None]]

_TRIES = 6
_FIRST_PAUSE_S = 1.0


class Exchange(Protocol):
    """What a fetch needs."""

    def fetch_ohlcv(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
        """Bars [opening time in ms, open, high, low, close, volume] that open at `since_ms` or later, in order.

        At most about `limit`, fewer as the exchange likes, none when it has none near; the newest may still be open.
        DataError when the exchange refuses or stays away.
        """

    def milliseconds(self) -> int:
        """Now, in ms since the epoch."""


class CcxtExchange:
    """A client of ccxt. Waits between requests as its rate limiter says; a request that the network or a rate limit
    stopped is tried again, with twice the pause each time."""

    def __init__(
        self,
        client: Any,
        transient: type[Exception],
        fatal: type[Exception],
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._transient = transient
        self._fatal = fatal
        self._pause = pause

    def fetch_ohlcv(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
        for tried in range(1, _TRIES):
            try:
                return self._ask(pair, timeframe, since_ms, limit)
            except self._transient:
                self._pause(_FIRST_PAUSE_S * 2 ** (tried - 1))
        try:
            return self._ask(pair, timeframe, since_ms, limit)
        except self._transient as error:
            raise DataError(
                f"{self._client.id} did not answer {_TRIES} times: {error}. What was fetched is kept: "
                "try again later, it goes on from there"
            ) from error

    def milliseconds(self) -> int:
        return int(self._client.milliseconds())

    def _ask(self, pair: str, timeframe: str, since_ms: int, limit: int) -> Rows:
        try:
            rows: Rows = self._client.fetch_ohlcv(pair, timeframe, since_ms, limit)
        except self._transient:
            raise
        except self._fatal as error:
            raise DataError(f"{self._client.id} refused {pair} {timeframe}: {error}") from error
        return rows


def open_exchange(name: str) -> CcxtExchange:
    """A client for an exchange by its ccxt name, without keys: candles are public. DataError when ccxt is not
    installed, InvalidInput when it does not know the name."""
    try:
        ccxt = import_module("ccxt")
    except ImportError as error:
        raise DataError('ccxt is not installed. Install it with `pip install "headway[data]"`') from error
    if name not in ccxt.exchanges:
        raise InvalidInput(
            "exchange", name, "not known to ccxt", remedy="Examples: binance, kraken, coinbase"
        )
    client = getattr(ccxt, name)({"enableRateLimit": True})
    return CcxtExchange(client, ccxt.NetworkError, ccxt.BaseError)
