"""What every use case is handed: the ports, and the policy that settings decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from headway.domain.errors import InvalidInput, StaleAttempt
from headway.domain.runs import Run
from headway.ports import Clock, DataCatalog, EngineCatalog, EventBus, Executor, Store, Transaction
from headway.ports.webhooks import WebhookSender
from headway.wire.rundir import RunDir

T = TypeVar("T")


@dataclass(frozen=True)
class Policy:
    """Bounds and shares that the operator decides."""

    runs_dir: Path
    candles_dir: Path
    symbols: tuple[str, ...] = ("BTC", "ETH", "SOL", "ADA", "DOT")
    jobs_per_hour: int = 2  # 0: no limit
    ceiling_hours: float = 48.0
    ceiling_cost_usd: float = 100.0
    usd_per_hour: float = 0.0  # price of an hour of the local executor
    memory_bytes: int | None = None
    grace_s: float = 20.0
    cpu_slots: int = 1
    gpu_slots: int = 0
    threads_per_slot: int = 1
    min_free_bytes: int = 1 << 30
    contact_lost_after_s: float = 10.0
    lease_s: float = 30.0
    max_attempts: int = 3
    max_upload_bytes: int = 512 << 20


@dataclass(frozen=True)
class Context:
    """The service half, as use cases see it.

    With a fence, `commit` writes only while its token holds the lease of the run: who lost the lease while it was
    stopped can change nothing any more, however much it still believes.
    """

    store: Store
    bus: EventBus
    clock: Clock
    executors: Mapping[str, Executor]
    candles: DataCatalog
    engines: EngineCatalog
    sender: WebhookSender
    policy: Policy
    fence: str | None = None
    passed: dict[str, datetime] = field(default_factory=dict)  # what preflight has last looked at, and when

    def fenced(self, token: str) -> Context:
        """The same, for the holder of a token."""
        return replace(self, fence=token)

    def commit(self, run_id: str, work: Callable[[Transaction], T]) -> T:
        """Write, then wake those who follow the run. StaleAttempt when the fence does not hold its lease."""
        value = self.store.write(self._fence(run_id, work))
        self.bus.publish([run_id])
        return value

    def commit_later(self, run_id: str, work: Callable[[Transaction], T]) -> Future[T]:
        """As `commit`, without waiting for it (`Store.write_later`)."""
        outcome = self.store.write_later(self._fence(run_id, work))
        outcome.add_done_callback(lambda done: self._wake(run_id, done))
        return outcome

    def _wake(self, run_id: str, done: Future[T]) -> None:
        if done.exception() is None:
            self.bus.publish([run_id])

    def _fence(self, run_id: str, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
        return work if self.fence is None else partial(self._commit_fenced, run_id, work)

    def _commit_fenced(self, run_id: str, work: Callable[[Transaction], T], tx: Transaction) -> T:
        lease = tx.find_lease(run_id)
        if lease is None or lease[0] != self.fence:
            raise StaleAttempt(f"{run_id} is in the hands of another server")
        return work(tx)

    def run_dir(self, run_id: str) -> RunDir:
        return RunDir(self.policy.runs_dir / run_id)

    def executor_of(self, run: Run) -> Executor:
        """The executor of a run; InvalidInput when this server has none of that name."""
        name = run.spec.executor
        if name not in self.executors:
            raise InvalidInput("executor", name, f"this server has {', '.join(sorted(self.executors))}")
        return self.executors[name]
