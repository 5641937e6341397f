"""Whether features look ahead: the future of some moments is replaced, and nothing before may change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from headway.domain.errors import PreflightFailed
from headway.domain.reasons import Reason
from headway.engines.forecast.panel import Rows
from headway.engines.forecast.streams import Aligned
from headway.markets.candles import Candles, show_at

Align = Callable[[Candles], Aligned]

CUTS = 3
_TOLERANCE = 1e-9  # of the column's size: sums may round otherwise


@dataclass(frozen=True)
class Leak:
    """A feature that a base bar sees, and that changed with what came after that bar."""

    timeframe: str
    feature: str
    at_s: int  # close of the base bar
    value: float
    changed: float  # with another future


def find_leaks(candles: Candles, align: Align, *, cuts: int = CUTS, seed: int = 0) -> list[Leak]:
    """The last bar of each feature that changes when all candles after a cut become others, for `cuts` cuts.

    What is compared is what a model sees: at every base bar up to the cut, the newest closed bar of each timeframe.
    Cuts lie within the bars of coarser timeframes, so that a bar seen before its close is found too.
    """
    whole, found = align(candles), dict[tuple[str, str], Leak]()
    draw = np.random.default_rng(seed)
    for cut in _choose_cuts(candles, whole, cuts, draw):
        other = align(replace_future(candles, cut, draw))
        for leak in _compare(whole, other, int(candles.at_s[cut])):
            found.setdefault((leak.timeframe, leak.feature), leak)
    return list(found.values())


def require_causal(candles: Candles, align: Align) -> None:
    """PreflightFailed when a feature looks ahead: its results would be worth nothing."""
    leaks = find_leaks(candles, align)
    if leaks:
        first = leaks[0]
        names = ", ".join(f"{leak.feature} of {leak.timeframe}" for leak in leaks)
        raise PreflightFailed(
            f"{len(leaks)} features look ahead: {names}. {first.feature} of {first.timeframe} at "
            f"{show_at(first.at_s)} is {first.value:g}, and {first.changed:g} with other candles after it",
            reason=Reason.PREFLIGHT_REJECTED,
        )


def replace_future(candles: Candles, cut: int, draw: np.random.Generator) -> Candles:
    """The candles with everything after row `cut` shuffled and moved by up to a half, up or down; times stay."""
    rows = np.arange(len(candles))
    rows[cut + 1 :] = draw.permutation(rows[cut + 1 :])
    moved = np.ones(len(candles))
    moved[cut + 1 :] = np.exp(draw.uniform(-0.5, 0.5, len(candles) - cut - 1))
    prices = {name: getattr(candles, name)[rows] * moved for name in ("open", "high", "low", "close")}
    book = {name: values[rows] for name, values in (candles.book or {}).items()} or None
    return candles.evolve(**prices, volume=candles.volume[rows] * moved, book=book)


def _choose_cuts(candles: Candles, whole: Aligned, cuts: int, draw: np.random.Generator) -> list[int]:
    """Rows of the candles, one in each of so many stretches of those that the aligned rows span."""
    first = int(np.searchsorted(candles.at_s, whole.at_s[0])) if len(whole.at_s) else 0
    edges = np.linspace(first, len(candles) - 2, cuts + 1).astype(np.int64).tolist()
    chosen = [int(draw.integers(low, max(low + 1, high))) for low, high in pairwise(edges)]
    coarse = [stream.at_s for name, stream in whole.streams.items() if name != candles.timeframe]
    return [cut + any(candles.at_s[cut] in at_s for at_s in coarse) for cut in chosen]


def _compare(whole: Aligned, other: Aligned, cut_s: int) -> list[Leak]:
    leaks = []
    for name, stream in whole.streams.items():
        first, second = _seen(whole, name, cut_s), _seen(other, name, cut_s)
        rows = min(len(first), len(second))  # both end at the cut
        before, after = first[len(first) - rows :], second[len(second) - rows :]
        at_s = whole.at_s[whole.at_s <= cut_s][len(first) - rows :]
        size = np.maximum(np.abs(before).max(axis=0, initial=0.0), 1e-12)
        changed = ~(np.abs(before - after) <= _TOLERANCE * size)
        for column in np.flatnonzero(changed.any(axis=0)).tolist():
            row = int(np.flatnonzero(changed[:, column])[-1])
            values = float(before[row, column]), float(after[row, column])
            leaks.append(Leak(name, stream.names[column], int(at_s[row]), *values))
    return leaks


def _seen(aligned: Aligned, timeframe: str, cut_s: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """[base bars up to the cut, features] as a model sees them."""
    rows: Rows = aligned.last_bar[timeframe][aligned.at_s <= cut_s]
    return np.asarray(aligned.streams[timeframe].values[rows])
