"""From an assignment to a plan: candles, features, windows, scaling. All of it is preflight."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headway.domain.errors import InvalidInput
from headway.domain.json import Json
from headway.domain.trading import TradingConfig, require_features, require_timeframe
from headway.engines.base import Assignment, Reporter
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.features import (
    Recipe,
    build_market,
    choose_recipe,
    describe_features,
    fit_market,
    scale_market,
)
from headway.engines.ppo.leaks import require_causal
from headway.engines.ppo.market import Market, join_markets
from headway.engines.ppo.plan import Plan
from headway.engines.ppo.windows import Windows, split
from headway.engines.scaling import Scaler
from headway.markets.candles import Candles
from headway.markets.load import load_candles

_YEAR_S = 365.25 * 86_400


@dataclass(frozen=True)
class Prepared:
    """All that training and evaluation need. `windows` are unscaled; `plan` holds scaled ones."""

    config: TradingConfig
    candles: tuple[Candles, ...]
    recipe: Recipe
    features: Mapping[str, Json]  # {group: {columns, estimated}}
    windows: Windows
    scaler: Scaler
    plan: Plan

    @property
    def test(self) -> Market:
        """The test window, scaled."""
        return scale_market(self.windows.test, self.scaler)

    @property
    def data_label(self) -> str | None:
        """What the data are where they are not all the user's own."""
        labels = sorted({bars.source.label for bars in self.candles if bars.source.label})
        return ", ".join(labels) or None

    @property
    def is_simulated(self) -> bool:
        return any(bars.source.origin == "simulated" for bars in self.candles)


def prepare(assignment: Assignment, reporter: Reporter) -> Prepared:
    """Read, check, compute, split and scale. DataError, InvalidInput or PreflightFailed where that cannot be."""
    config = _read_config(assignment)
    candles = _load(assignment, config, reporter)
    recipe = choose_recipe(config.features, candles)
    markets, features = [], {}
    for done, bars in enumerate(candles):
        reporter.check()
        reporter.advance(0.5 + 0.5 * done / len(candles), text=f"Features of {bars.symbol}")
        require_causal(bars, recipe.compute)
        computed = recipe.compute(bars)
        markets.append(build_market(bars, computed))
        features = describe_features(recipe, computed)
    market = join_markets(markets)
    windows = split(market, candles[0].bar_s)
    scaler = fit_market(windows.train)
    plan = Plan(
        train=scale_market(windows.train, scaler),
        validation=scale_market(windows.validation, scaler),
        rules=Rules(config.allow_short, config.fee_bps, config.slippage_bps),
        seed=assignment.seed,
        bars_per_year=count_bars_per_year(market),
        steps=config.steps,
        duration_s=assignment.spec.limits.training_s,
        attempt_s=assignment.training_left_s(time.monotonic()),
    )
    return Prepared(config, candles, recipe, features, windows, scaler, plan)


def count_bars_per_year(market: Market) -> float:
    """As many as the data have: 8,766 hourly bars of a market that never closes, some 252 sessions of an exchange."""
    times = np.unique(market.at_s_r)
    return (len(times) - 1) / (float(times[-1] - times[0]) / _YEAR_S)


def _read_config(assignment: Assignment) -> TradingConfig:
    config = TradingConfig.from_json(assignment.spec.config)
    require_features(config.features)
    require_timeframe(config.timeframe)
    if config.steps is None and assignment.spec.limits.training_s is None:
        raise InvalidInput("steps", None, "a training needs an end", remedy="Give steps, a duration, or both")
    if config.steps is not None and config.steps < 1:
        raise InvalidInput("steps", config.steps, "at least 1")
    return config


def _load(assignment: Assignment, config: TradingConfig, reporter: Reporter) -> tuple[Candles, ...]:
    loaded = []
    for done, symbol in enumerate(config.symbols):
        reporter.check()
        reporter.advance(0.5 * done / len(config.symbols), text=f"Candles of {symbol}")
        candles = load_candles(
            assignment.candles_dir, symbol, config.timeframe, allow_gaps=config.skip_validation
        )
        for warning in candles.warnings:
            reporter.note(warning, level="warning")
        loaded.append(candles)
    return tuple(loaded)
