"""Prometheus counters, derived from the events that everything else is derived from, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headway.domain.events import Event, EventKind, state_after
from headway.domain.reasons import Reason, rule_of
from headway.domain.states import State

_RUNTIME_BUCKETS_S = (1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 48 * 3600)


@dataclass(frozen=True)
class Load:
    """How things stand at this moment."""

    queued: int
    active: int
    unread_bytes: int  # written by trainings and not yet in the store


class Counters:
    """Counts what it is handed; renders it, with the load at that moment, in Prometheus' text format."""

    def __init__(self, measure: Callable[[], Load]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._registry.register(_LoadCollector(measure))
        self._jobs = Counter("training_jobs", "Runs that entered a state", ["state"], registry=self._registry)
        self._failures = Counter(
            "training_failures", "Runs that failed, by reason", ["reason"], registry=self._registry
        )
        self._hours = Counter(
            "training_hours",
            "Hours that attempts have run, as proven by their supervisors",
            registry=self._registry,
        )
        self._runtime = Histogram(
            "training_runtime_seconds",
            "Runtime of runs that ended, over all their attempts",
            buckets=_RUNTIME_BUCKETS_S,
            registry=self._registry,
        )
        # There from the start, at 0: Prometheus sees no increase in a counter that begins at 1.
        for state in State:
            self._jobs.labels(state.value)
        for reason in Reason:
            if rule_of(reason).end is State.FAILED:
                self._failures.labels(reason.value)

    def count(self, events: Iterable[Event]) -> None:
        """Count events, each once."""
        for event in events:
            self._count(event)

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def _count(self, event: Event) -> None:
        state = state_after(event.kind, event.data)
        if state is not None:
            self._jobs.labels(state.value).inc()
        if event.kind in (EventKind.RUN_ENDED, EventKind.ATTEMPT_ENDED):
            self._hours.inc(_number(event, "attempt_runtime_s") / 3600.0)
        if event.kind is EventKind.RUN_ENDED:
            self._count_end(event)

    def _count_end(self, event: Event) -> None:
        self._runtime.observe(_number(event, "runtime_s"))
        if event.data["state"] == State.FAILED.value:
            self._failures.labels(str(event.data["reason"])).inc()


class _LoadCollector(Collector):
    def __init__(self, measure: Callable[[], Load]) -> None:
        self._measure = measure

    def collect(self) -> Iterator[Metric]:
        load = self._measure()
        yield GaugeMetricFamily("training_queue_depth", "Runs that wait for a slot", load.queued)
        yield GaugeMetricFamily("training_active_runs", "Runs under way", load.active)
        yield GaugeMetricFamily(
            "training_ingest_lag_bytes",
            "Bytes that trainings have said and the store does not hold yet",
            load.unread_bytes,
        )

    def describe(self) -> list[Metric]:
        return []  # registering must not measure


def _number(event: Event, name: str) -> float:
    value = event.data.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
