"""Watching under a lease: one server looks after a run, and another takes it over."""

from __future__ import annotations

from datetime import datetime

import pytest

from headway.control.watch import Watcher
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import Sighting
from headway.wire.lines import LineKind
from tests.factories import moment
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import (
    begin,
    get,
    say,
)


@pytest.fixture
def watcher(services: Services) -> Watcher:
    """The watcher of the server whose claims carry the token `here`."""
    return Watcher(services.context, "here")


@pytest.fixture
def run(services: Services) -> Run:
    """A run whose first attempt is under way."""
    return begin(services)


def _lease(services: Services, run: Run) -> tuple[str, datetime]:
    found = services.context.store.read(lambda tx: tx.find_lease(run.id))
    assert found is not None
    return found


def test_a_run_under_the_lease_of_another_server_is_left_alone_until_it_runs_out(
    services: Services, run: Run
) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    other = Watcher(services.context, "there")

    services.clock.advance(29.9)
    assert other.step() == 0
    assert get(services, run.id).state is State.PREFLIGHT
    assert _lease(services, run) == ("here", moment(30))

    services.clock.advance(0.1)
    other.step()
    assert get(services, run.id).state is State.TRAINING
    assert _lease(services, run) == ("there", moment(60))


def test_a_lease_is_renewed_before_it_runs_out_so_that_nobody_can_take_it(
    services: Services, watcher: Watcher, run: Run
) -> None:
    other = Watcher(services.context, "there")
    for _ in range(20):
        services.clock.advance(10)
        watcher.step()
        other.step()
        token, until = _lease(services, run)
        assert token == "here"
        assert until > services.clock.now()


def test_a_lease_of_a_dead_server_whose_clock_was_ahead_runs_out_all_the_same(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.clock.jump(3600)
    watcher.step()
    services.clock.advance(20)
    watcher.step()
    services.clock.jump(-3600)  # and the one that held it is dead
    other = Watcher(services.context, "there")

    assert other.step() == 0
    services.clock.advance(29.9)
    assert other.step() == 0
    services.clock.advance(0.1)
    assert other.step() == 1
    assert _lease(services, run) == ("there", moment(20 + 30 + 30))


def test_a_server_whose_clock_was_set_back_renews_its_lease(
    services: Services, watcher: Watcher, run: Run
) -> None:
    watcher.step()
    services.clock.jump(-3600)
    services.clock.advance(15)
    watcher.step()

    assert _lease(services, run) == ("here", moment(15 + 30 - 3600))


def test_a_lease_is_not_written_at_every_look(services: Services, watcher: Watcher, run: Run) -> None:
    watcher.step()
    services.clock.advance(10)
    watcher.step()
    assert _lease(services, run) == ("here", moment(30))


def test_a_server_that_was_away_too_long_finds_its_run_taken_and_keeps_off(
    services: Services, watcher: Watcher, run: Run
) -> None:
    watcher.step()
    services.clock.advance(100)
    Watcher(services.context, "there").step()
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")

    watcher.step()

    assert get(services, run.id).state is State.PREFLIGHT
    assert _lease(services, run) == ("there", moment(130))


def test_two_watchers_that_both_believe_to_hold_a_run_count_nothing_twice(
    services: Services, run: Run
) -> None:
    watchers = [Watcher(services.context, "here"), Watcher(services.context, "here")]
    for step in range(5):
        say(services, run, LineKind.METRICS, rows=[[step, {"a/b": float(step)}]])
        for each in watchers:
            each.step()
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 5


def test_a_server_that_is_not_alone_takes_over_only_what_nobody_holds(services: Services, run: Run) -> None:
    successor = Watcher(services.context, "there")
    assert successor.recover(alone=False) == []
    assert _lease(services, run)[0] == "here"

    services.clock.advance(30)
    assert [found.id for found in successor.recover(alone=False)] == [run.id]
    assert _lease(services, run)[0] == "there"


def test_released_leases_are_free_and_those_of_others_are_kept(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.context.store.write(lambda tx: tx.set_slots("cpu", 2))
    lost = begin(services)
    watcher.step()
    services.context.store.write(lambda tx: tx.set_lease(lost.id, "there", moment(30)))

    watcher.release()
    watcher.release()

    assert services.context.store.read(lambda tx: tx.find_lease(run.id)) is None
    assert _lease(services, lost) == ("there", moment(30))


def test_a_server_that_lost_its_lease_while_it_was_stopped_changes_nothing(
    services: Services, watcher: Watcher, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped after it has looked whether it holds the lease, and before it acts on what it saw."""
    watcher.step()
    services.executor.beat(run.id, 1, moment(0))
    observe = services.executor.observe

    def stop_then_observe(run_id: str, attempt: int) -> Sighting:
        sighting = observe(run_id, attempt)
        services.clock.advance(60)
        services.context.store.write(lambda tx: tx.set_lease(run_id, "there", moment(90)))
        say(services, run, LineKind.PHASE, state="training", text="epoch 1")
        return sighting

    monkeypatch.setattr(services.executor, "observe", stop_then_observe)
    watcher.step()
    monkeypatch.undo()
    watcher.step()

    assert get(services, run.id) == run
    assert _lease(services, run) == ("there", moment(90))


def test_a_new_server_takes_over_what_runs_and_reads_on_where_the_old_one_stopped(
    services: Services, watcher: Watcher, run: Run
) -> None:
    say(services, run, LineKind.METRICS, rows=[[1, {"a/b": 1.0}]])
    watcher.step()
    say(services, run, LineKind.METRICS, rows=[[2, {"a/b": 2.0}]])

    successor = Watcher(services.context, "there")
    assert [found.id for found in successor.recover()] == [run.id]
    successor.step()

    assert _lease(services, run) == ("there", moment(30))
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 2
    assert services.context.store.read(lambda tx: tx.log_cursor(run.id, 1)).seq == 2
    assert services.executor.starts == 1


def test_a_run_that_has_ended_since_it_was_looked_at_gets_no_lease(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.executor.end(run.id, 1, make_exit())
    watcher.step()
    assert get(services, run.id).ended

    sleeper = Watcher(services.context, "there")  # stopped between its look at the store and the lease

    assert not sleeper._holds(run)
    assert services.context.store.read(lambda tx: tx.find_lease(run.id)) is None
