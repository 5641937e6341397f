from __future__ import annotations

import threading

import pytest
import structlog

from headway.control.follow import OutboxReader
from headway.control.loops import Loop, make_dispatch_loop, make_outbox_loop, make_watch_loop
from headway.control.watch import Watcher
from headway.domain.errors import StoreUnavailable
from headway.domain.events import Event
from headway.domain.states import State
from headway.wire.lines import LineKind
from tests.fakes.services import Services
from tests.unit.control.acts import begin, get, queue, say

_PATIENCE_S = 10.0


def _never(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} broke: {error}")


def test_a_loop_steps_until_it_is_told_to_stop() -> None:
    stepped = threading.Semaphore(0)

    def step() -> float:
        stepped.release()
        return 60.0

    loop = Loop("test", step, _never)
    assert loop.join(0) is True
    loop.start()
    assert stepped.acquire(timeout=_PATIENCE_S)
    assert loop.join(0) is False
    loop.wake()
    assert stepped.acquire(timeout=_PATIENCE_S)
    loop.stop()
    assert loop.join(_PATIENCE_S) is True


def test_a_loop_that_rests_steps_no_sooner_for_being_woken_and_ends_at_once_when_told() -> None:
    stepped = threading.Semaphore(0)

    def step() -> float:
        stepped.release()
        return 60.0

    loop = Loop("test", step, _never, rest_s=600.0)
    loop.start()
    assert stepped.acquire(timeout=_PATIENCE_S)
    loop.wake()
    assert not stepped.acquire(timeout=0.2)
    loop.stop()
    assert loop.join(_PATIENCE_S) is True


def test_a_loop_that_has_rested_steps_as_soon_as_it_is_woken() -> None:
    stepped = threading.Semaphore(0)

    def step() -> float:
        stepped.release()
        return 60.0

    loop = Loop("test", step, _never, rest_s=0.01)
    loop.start()
    for _ in range(3):
        assert stepped.acquire(timeout=_PATIENCE_S)
        loop.wake()
    loop.stop()
    assert loop.join(_PATIENCE_S) is True


def test_a_loop_that_breaks_says_so_and_ends() -> None:
    broken: list[tuple[str, BaseException]] = []

    def step() -> float:
        raise ZeroDivisionError("a bug")

    loop = Loop("test", step, lambda name, error: broken.append((name, error)))
    with structlog.testing.capture_logs():
        loop.start()
        assert loop.join(_PATIENCE_S) is True

    ((name, error),) = broken
    assert name == "test"
    assert isinstance(error, ZeroDivisionError)


def test_a_loop_outlives_a_store_that_is_away() -> None:
    outcomes = [StoreUnavailable("away"), None]
    done = threading.Event()

    def step() -> float:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        done.set()
        return 60.0

    loop = Loop("test", step, _never)
    with structlog.testing.capture_logs():
        loop.start()
        loop.wake()
        assert done.wait(_PATIENCE_S)
        loop.stop()
        assert loop.join(_PATIENCE_S)


def test_one_turn_of_the_dispatch_loop_starts_all_that_has_a_slot(services: Services) -> None:
    services.context.store.write(lambda tx: tx.set_slots("cpu", 2))
    runs = [queue(services) for _ in range(3)]
    claims: list[int] = []
    loop = make_dispatch_loop(
        services.context, Watcher(services.context), _never, on_claim=lambda: claims.append(1)
    )

    with structlog.testing.capture_logs():
        loop.step()

    assert len(services.executor.launches) == len(claims) == 2
    states = sorted(get(services, run.id).state for run in runs)
    assert states == [State.PREFLIGHT, State.PREFLIGHT, State.QUEUED]


def test_the_watch_loop_looks_often_while_something_runs(services: Services) -> None:
    loop = make_watch_loop(Watcher(services.context, "here"), _never)
    idle_s = loop.step()
    run = begin(services)
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")

    assert loop.step() < idle_s
    assert get(services, run.id).state is State.TRAINING


def test_one_turn_of_the_outbox_loop_hands_over_everything(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.control.follow.BATCH", 2)
    for _ in range(5):
        queue(services)
    handed: list[Event] = []
    make_outbox_loop(OutboxReader(services.context, "billing", handed.extend), _never).step()
    assert len(handed) == 5
