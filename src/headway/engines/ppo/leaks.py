"""Whether features look ahead: they are computed again without the later bars and must come out the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headway.domain.errors import PreflightFailed
from headway.domain.reasons import Reason
from headway.engines.ppo.accounts import Floats
from headway.markets.candles import Candles, show_at
from headway.markets.estimators import Columns

Compute = Callable[[Candles], dict[str, Columns]]

CUTS = 3
STRETCH_BARS = 1_024  # looked at around each cut, half before and half after
_TOLERANCE = 1e-9  # of the column's size: sums over other lengths may round otherwise


@dataclass(frozen=True)
class Leak:
    """A feature that changed at a bar when the bars after it were taken away."""

    feature: str
    at_s: int
    with_later: float
    without_later: float


def find_leaks(candles: Candles, compute: Compute, *, cuts: int = CUTS) -> list[Leak]:
    """The first bar of each feature that changes when later bars are taken away, in `cuts` stretches of the candles.

    A look-ahead of up to half a stretch (512 bars) is seen, and any use of all bars at once, like a mean over the file.
    """
    found: dict[str, Leak] = {}
    for cut in np.linspace(0, len(candles), cuts + 2)[1:-1].astype(int).tolist():
        low = max(0, cut - STRETCH_BARS // 2)
        stretch = candles.cut(low, cut + STRETCH_BARS // 2)
        for leak in _compare(stretch, cut - low, compute):
            found.setdefault(leak.feature, leak)
    return list(found.values())


def require_causal(candles: Candles, compute: Compute) -> None:
    """PreflightFailed when a feature looks ahead: its results would be worth nothing."""
    leaks = find_leaks(candles, compute)
    if leaks:
        first = leaks[0]
        raise PreflightFailed(
            f"{len(leaks)} features look ahead: {', '.join(leak.feature for leak in leaks)}. {first.feature} at "
            f"{show_at(first.at_s)} is {first.with_later:g}, and {first.without_later:g} without the bars after it",
            reason=Reason.PREFLIGHT_REJECTED,
        )


def _compare(stretch: Candles, cut: int, compute: Compute) -> list[Leak]:
    whole, past = compute(stretch), compute(stretch.cut(0, cut))
    leaks = []
    for group, columns in whole.items():
        for name, values in columns.items():
            row = _first_change(values[:cut], past[group][name])
            if row is not None:
                at_s = int(stretch.at_s[row])
                leaks.append(Leak(f"{group}.{name}", at_s, float(values[row]), float(past[group][name][row])))
    return leaks


def _first_change(a: Floats, b: Floats) -> int | None:
    size = float(np.nanmax(np.abs(b), initial=0.0)) if len(b) else 0.0
    changed = np.flatnonzero(~np.isclose(a, b, rtol=0.0, atol=_TOLERANCE * max(size, 1e-12), equal_nan=True))
    return int(changed[0]) if len(changed) else None
