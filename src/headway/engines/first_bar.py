"""Where the features of candles begin: indicators have no value before enough bars have closed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headway.domain.errors import DataError
from headway.markets.candles import Candles, show_at


def find_first_whole(
    candles: Candles, names: tuple[str, ...], values: npt.NDArray[np.float64], *, of: str, remedy: str
) -> int:
    """The first bar that has all features; `values` are [bars, features], `of` says whose bars they are.

    DataError when there is none, with the remedy, and when a feature is missing or infinite after it.
    """
    finite = np.isfinite(values)
    whole = np.flatnonzero(finite.all(axis=1))
    if not len(whole):
        never = [name for k, name in enumerate(names) if not finite[:, k].any()]
        raise DataError(
            f"{candles.source.name}: {len(candles)} bars of {of} are too few for the features "
            f"{', '.join(never) or '(never all at once)'}. {remedy}"
        )
    first = int(whole[0])
    holes = np.argwhere(~finite[first:])
    if len(holes):
        row, column = first + int(holes[0][0]), int(holes[0][1])
        raise DataError(
            f"{candles.source.name}: the feature {names[column]} of {of} is {values[row, column]} in row {row + 1}, "
            f"the bar that closes at {show_at(int(candles.at_s[row]))}. Check that bar and those before it, "
            "or leave the feature out"
        )
    return first
