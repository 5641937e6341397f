"""From candles to a market of features, unscaled until the train window is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headway.domain.json import JsonObject
from headway.engines.first_bar import find_first_whole
from headway.engines.ppo.columns import FROM_BARS, MEASURED
from headway.engines.ppo.market import Market
from headway.engines.scaling import Scaler, fit_scaler
from headway.markets.candles import Candles
from headway.markets.estimators import Columns


@dataclass(frozen=True)
class Recipe:
    """Which groups to compute, and which of them an order book measures."""

    groups: tuple[str, ...]
    measured: frozenset[str] = frozenset()

    def compute(self, candles: Candles) -> dict[str, Columns]:
        """{group: {column: one value a bar}}; NaN in the warm-up."""
        return {group: self._columns(group, candles) for group in self.groups}

    def is_estimated(self, group: str) -> bool:
        """Whether the group stands for an order book that the data do not have."""
        return group in MEASURED and group not in self.measured

    def _columns(self, group: str, candles: Candles) -> Columns:
        if group in self.measured:
            return MEASURED[group][1](candles)
        return FROM_BARS[group](candles)


def choose_recipe(groups: tuple[str, ...], candles: Sequence[Candles]) -> Recipe:
    """Measure what the order books of all symbols allow: every symbol must have the same columns."""
    books = [frozenset(bars.book or {}) for bars in candles]
    common = frozenset.intersection(*books) if books else frozenset()
    return Recipe(
        groups, frozenset(g for g, (needs, _) in MEASURED.items() if g in groups and needs <= common)
    )


def describe_features(recipe: Recipe, computed: dict[str, Columns]) -> dict[str, JsonObject]:
    """{group: {columns, estimated}}, for the manifest."""
    return {
        group: {"columns": list(columns), "estimated": recipe.is_estimated(group)}
        for group, columns in computed.items()
    }


def build_market(candles: Candles, computed: dict[str, Columns]) -> Market:
    """One symbol with its unscaled features, without the rows of the warm-up.

    DataError when no row is left, or a feature is missing or infinite after the warm-up.
    """
    columns = {f"{group}.{name}": c for group, found in computed.items() for name, c in found.items()}
    features_rc = np.stack(list(columns.values()), axis=1)
    remedy = "Give more bars or a finer timeframe"
    first = find_first_whole(candles, tuple(columns), features_rc, of=candles.symbol, remedy=remedy)
    rows = slice(first, len(candles))
    returns = np.append(0.0, candles.close[1:] / candles.close[:-1] - 1.0)[rows]
    returns[0] = 0.0
    return Market(
        symbols=(candles.symbol,),
        offsets=(0, len(candles) - first),
        names=tuple(columns),
        features_rc=features_rc[rows].astype(np.float32),
        returns_r=returns,
        at_s_r=candles.at_s[rows],
    )


def scale_market(market: Market, scaler: Scaler) -> Market:
    """The market with scaled features; ValueError when its columns are others."""
    return replace(market, features_rc=scaler.scale(market.names, market.features_rc))


def fit_market(train: Market) -> Scaler:
    """The scaler of the train window."""
    return fit_scaler(train.names, train.features_rc)
