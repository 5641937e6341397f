"""The test window: agent against buy and hold, and against the generation before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headway.domain.errors import CorruptRunFile
from headway.domain.json import JsonObject, finite
from headway.engines.ppo.features import scale_market
from headway.engines.ppo.models import read_model
from headway.engines.ppo.play import Ledger, Policy, hold, play, pool_returns
from headway.engines.ppo.prepare import Prepared
from headway.engines.ppo.report import SymbolResult
from headway.evaluation.trading import (
    Account,
    Interval,
    Performance,
    evaluate,
    evaluate_pool,
    sharpe_difference_interval,
    sharpe_of,
)

Pulse = Callable[[], None]


@dataclass(frozen=True)
class Assessment:
    """Agent and buy and hold over the same bars; both of the capital divided among all symbols."""

    agent: Performance
    buy_and_hold: Performance
    difference: Interval | None
    results: tuple[SymbolResult, ...]


@dataclass(frozen=True)
class Comparison:
    """Against the generation before, in the same test window; `why` says what is missing."""

    run_id: str | None = None
    sharpe: float | None = None
    improvement_percent: float | None = None
    why: str | None = None

    def to_json(self) -> JsonObject:
        return {"run_id": self.run_id, "sharpe": self.sharpe}


@dataclass(frozen=True)
class Judge:
    """How returns become numbers: the same for agent, baseline and predecessor."""

    bars_per_year: float
    seed: int
    cost_fraction: float
    pulse: Pulse

    def pool(self, books: tuple[Ledger, ...]) -> Performance:
        self.pulse()
        return evaluate_pool(pool_returns(books)[1], [_account(b) for b in books], **self._options())

    def one(self, ledger: Ledger) -> Performance:
        self.pulse()
        account = _account(ledger)
        return evaluate(account.returns_r, account.position_r, account.traded_r, **self._options())

    def difference(self, a: tuple[Ledger, ...], b: tuple[Ledger, ...]) -> Interval | None:
        self.pulse()
        returns = (pool_returns(a)[1], pool_returns(b)[1])
        return sharpe_difference_interval(*returns, bars_per_year=self.bars_per_year, seed=self.seed)

    def _options(self) -> dict[str, Any]:
        return {
            "bars_per_year": self.bars_per_year,
            "seed": self.seed,
            "cost_fraction": self.cost_fraction,
        }


def assess(policy: Policy, prepared: Prepared, *, pulse: Pulse) -> Assessment:
    """Play the test window once. `pulse` is called between the parts, each of some hundred milliseconds at most."""
    rules, test = prepared.plan.rules, prepared.test
    agent, held = play(policy, test, rules, pulse=pulse), hold(test, rules)
    judge = Judge(prepared.plan.bars_per_year, prepared.plan.seed, rules.cost_fraction, pulse)
    return Assessment(
        agent=judge.pool(agent),
        buy_and_hold=judge.pool(held),
        difference=judge.difference(agent, held),
        results=tuple(
            SymbolResult(own.symbol, judge.one(own), judge.one(baseline), own, baseline)
            for own, baseline in zip(agent, held, strict=True)
        ),
    )


def compare(prepared: Prepared, context: JsonObject, sharpe: float | None, *, pulse: Pulse) -> Comparison:
    """Play the predecessor's model in this run's test window, with this run's costs."""
    named = context.get("predecessor")
    if not isinstance(named, dict):
        return Comparison(why="there is no generation before this one")
    run_id = str(named["run_id"])
    try:
        found = _play_predecessor(prepared, Path(str(named["model_dir"])), pulse)
    except CorruptRunFile as error:
        return Comparison(run_id, why=str(error))
    if isinstance(found, str):
        return Comparison(run_id, why=found)
    before = sharpe_of(pool_returns(found)[1], bars_per_year=prepared.plan.bars_per_year)
    if before is None or sharpe is None:
        return Comparison(
            run_id, before, why="one of the two never moved in the test window: no Sharpe ratio"
        )
    if abs(before) < 1e-9:
        return Comparison(run_id, before, why="the Sharpe ratio of the generation before is 0")
    return Comparison(run_id, before, finite((sharpe - before) / abs(before) * 100.0))


def _play_predecessor(prepared: Prepared, folder: Path, pulse: Pulse) -> tuple[Ledger, ...] | str:
    """Its books, or why it cannot be compared."""
    if not folder.is_dir():
        return "the model of the generation before is not there any more"
    stored = read_model(folder)
    if stored.features != prepared.features or stored.scaler.names != prepared.scaler.names:
        return "the generation before was trained on other features"
    if stored.seen_until_at_s >= int(prepared.windows.test.at_s_r.min()):
        return "the generation before was trained or chosen on bars of this test window"
    rules = replace(prepared.plan.rules, allow_short=stored.allow_short)
    return play(stored.policy, scale_market(prepared.windows.test, stored.scaler), rules, pulse=pulse)


def _account(ledger: Ledger) -> Account:
    return Account(ledger.returns_r, ledger.position_r, ledger.traded_r)
