"""Bars of one or several symbols as flat arrays: what the environments walk over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.engines.ppo.accounts import Floats

Observations = NDArray[np.float32]


@dataclass(frozen=True)
class Market:
    """Rows of all symbols, one symbol after the other.

    features_rc: what is known at the close of each row (scaled); returns_r: the simple return of the close since the
    row before, 0 in the first row of a symbol; at_s_r: the close of each row, seconds since the epoch;
    offsets: symbol k has the rows from offsets[k] to offsets[k + 1].
    """

    symbols: tuple[str, ...]
    offsets: tuple[int, ...]
    names: tuple[str, ...]
    features_rc: Observations
    returns_r: Floats
    at_s_r: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.returns_r)

    @property
    def segments(self) -> Iterator[tuple[str, int, int]]:
        """Symbol, first row, row after the last."""
        return zip(self.symbols, self.offsets[:-1], self.offsets[1:], strict=True)

    @property
    def next_returns_r(self) -> Floats:
        """What the price does from each row to the next; 0 where there is no next row of the symbol."""
        following = np.append(self.returns_r[1:], 0.0)
        following[[end - 1 for end in self.offsets[1:]]] = 0.0
        return following

    def cut(self, first_at_s: int, end_at_s: int) -> Market:
        """Only the rows with first <= time < end."""
        keep = (self.at_s_r >= first_at_s) & (self.at_s_r < end_at_s)
        counts = [int(keep[low:high].sum()) for _, low, high in self.segments]
        return Market(
            symbols=self.symbols,
            offsets=(0, *np.cumsum(counts).tolist()),
            names=self.names,
            features_rc=np.ascontiguousarray(self.features_rc[keep]),
            returns_r=self.returns_r[keep],
            at_s_r=self.at_s_r[keep],
        )

    def digest(self) -> str:
        """SHA-256 of all that training sees: a checkpoint goes on only with the same."""
        digest = hashlib.sha256(repr((self.symbols, self.offsets, self.names)).encode())
        for array in (self.features_rc, self.returns_r, self.at_s_r):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def join_markets(markets: Sequence[Market]) -> Market:
    """One market of several with the same columns."""
    counts = [high - low for market in markets for _, low, high in market.segments]
    return Market(
        symbols=tuple(symbol for market in markets for symbol in market.symbols),
        offsets=(0, *np.cumsum(counts).tolist()),
        names=markets[0].names,
        features_rc=np.concatenate([market.features_rc for market in markets]),
        returns_r=np.concatenate([market.returns_r for market in markets]),
        at_s_r=np.concatenate([market.at_s_r for market in markets]),
    )
