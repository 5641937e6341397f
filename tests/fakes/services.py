"""The service half with a store in memory and everything outside of the process settable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from headway.client.sender import HttpSender
from headway.control.context import Context, Policy
from headway.domain.coverage import Coverage, DatasetCheck
from headway.domain.errors import PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.subjects import symbol_of_source
from headway.domain.trading import TIMEFRAMES_S
from headway.ports import Transaction
from headway.ports.webhooks import WebhookSender
from headway.store.bus import LocalBus
from headway.store.opening import open_store
from tests.factories import T0
from tests.fakes.clock import SettableClock
from tests.fakes.executor import FakeExecutor


@dataclass
class FakeCandles:
    """The port DataCatalog: the same number of bars of everything."""

    bars: int | None = 10_000
    failure: Exception | None = None

    def rows(self, symbol: str, timeframe: str) -> int | None:
        if self.failure is not None:
            raise self.failure
        return self.bars

    def coverage(self, source: str, timeframe: str) -> Coverage:
        rows = self.rows(source, timeframe)
        last_at = T0 + timedelta(seconds=TIMEFRAMES_S[timeframe] * ((rows or 1) - 1))
        return Coverage(symbol_of_source(source), timeframe, f"{source}_{timeframe}.csv", rows, T0, last_at)

    def check(self, source: str, timeframe: str) -> DatasetCheck | None:
        return None

    def list_all(self) -> Sequence[Coverage]:
        return [self.coverage("BTC", "1h")]


@dataclass
class FakePredictor:
    """The port Predictor: writes what a test gives it, or raises."""

    content: bytes = b""
    failure: Exception | None = None
    asked: list[tuple[Path, Path | None]] = field(default_factory=list)

    def predict(self, run_dir: Path, data: Path | None, out: Path) -> None:
        self.asked.append((run_dir, data))
        if self.failure is not None:
            raise self.failure
        out.write_bytes(self.content)


@dataclass
class FakeEngines:
    """The port EngineCatalog: every engine is installed but those that are named."""

    missing: set[str] = field(default_factory=set)

    def require(self, engine: str) -> None:
        if engine in self.missing:
            raise PreflightFailed(f"{engine} is not installed", reason=Reason.PREFLIGHT_REJECTED)


@dataclass(frozen=True)
class Services:
    """A context and the parts of it that a test moves."""

    context: Context
    clock: SettableClock
    executor: FakeExecutor
    candles: FakeCandles
    engines: FakeEngines


def make_services(
    tmp_path: Path, *, store_url: str = "memory:", sender: WebhookSender | None = None, **policy: Any
) -> Services:
    """A service half over `tmp_path`; by default without a limit of runs an hour or of free space."""
    bounds = Policy(
        **{
            "runs_dir": tmp_path / "runs",
            "candles_dir": tmp_path / "candles",
            "jobs_per_hour": 0,
            "min_free_bytes": 0,
            **policy,
        }
    )
    bounds.runs_dir.mkdir(parents=True, exist_ok=True)
    store = open_store(store_url)
    for kind, count in (("cpu", bounds.cpu_slots), ("gpu", bounds.gpu_slots)):
        store.write(partial(_set_slots, kind=kind, count=count))
    clock, executor, candles, engines = SettableClock(), FakeExecutor(), FakeCandles(), FakeEngines()
    context = Context(
        store=store,
        bus=LocalBus(),
        clock=clock,
        executors={executor.name: executor},
        candles=candles,
        engines=engines,
        sender=sender or HttpSender(allow_http=True, allow_private=True, deadline_s=5.0),
        policy=bounds,
    )
    return Services(context, clock, executor, candles, engines)


def make_context(tmp_path: Path, **policy: Any) -> Context:
    """The context of `make_services`, where a test moves nothing."""
    return make_services(tmp_path, **policy).context


def _set_slots(tx: Transaction, *, kind: str, count: int) -> None:
    tx.set_slots(kind, count)
