from __future__ import annotations

import pytest

from headway.control.advance import end
from headway.control.cancel import cancel
from headway.control.judge import Verdict
from headway.control.watch import Watcher
from headway.domain.errors import StoreUnavailable
from headway.domain.events import EventKind
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import LogCursor
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind
from tests.factories import moment
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import (
    begin,
    begin_next,
    claim,
    events,
    get,
    kinds,
    leave_result,
    queue,
    say,
    scribble,
)


@pytest.fixture
def watcher(services: Services) -> Watcher:
    """The watcher of the server whose claims carry the token `here`."""
    return Watcher(services.context, "here")


@pytest.fixture
def run(services: Services) -> Run:
    """A run whose first attempt is under way."""
    return begin(services)


def test_there_is_nothing_to_watch_without_active_runs(services: Services, watcher: Watcher) -> None:
    queue(services)
    assert watcher.step() == 0


def test_a_run_is_followed_from_its_start_to_its_end(services: Services, watcher: Watcher, run: Run) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    assert watcher.step() == 1
    assert get(services, run.id).state is State.TRAINING

    say(services, run, LineKind.METRICS, rows=[[1, {"a/b": 1.0}]])
    watcher.step()
    assert get(services, run.id).latest == {"a/b": 1.0}

    leave_result(services, run)
    services.executor.end(run.id, 1, make_exit())
    watcher.step()
    assert get(services, run.id).state is State.DONE
    assert watcher.step() == 0


def test_looking_again_at_a_silent_run_changes_nothing(
    services: Services, watcher: Watcher, run: Run
) -> None:
    watcher.step()
    before = get(services, run.id)
    for _ in range(3):
        watcher.step()
    assert get(services, run.id) == before


def test_trouble_with_one_run_does_not_blind_the_watcher_for_the_others(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.context.store.write(lambda tx: tx.set_slots("cpu", 2))
    other = begin(services)
    folder = services.context.run_dir(run.id).attempt(1)
    folder.events.mkdir()  # its log cannot be read
    say(services, other, LineKind.PHASE, state="training", text="epoch 1")

    for _ in range(2):
        assert watcher.step() == 2
    assert get(services, other.id).state is State.TRAINING

    folder.events.rmdir()
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    watcher.step()
    assert get(services, run.id).state is State.TRAINING


def test_trouble_with_a_run_is_forgotten_once_it_has_ended(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.context.run_dir(run.id).attempt(1).events.mkdir()  # its log cannot be read
    watcher.step()
    assert list(watcher._troubles) == [run.id]

    services.context.store.write(lambda tx: end(tx, run, Verdict(Reason.SUPERVISOR_LOST), at=moment(9)))
    watcher.step()

    assert not watcher._troubles


def test_a_store_that_is_gone_is_not_taken_for_trouble_with_a_run(
    services: Services, watcher: Watcher, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable("the database does not answer")

    monkeypatch.setattr(services.executor, "observe", gone)
    with pytest.raises(StoreUnavailable):
        watcher.step()


# contact


def test_contact_is_lost_when_heartbeats_stop_and_regained_when_they_come_back(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.executor.beat(run.id, 1, moment(0))
    for _ in range(2):
        watcher.step()
        services.clock.advance(5)
    watcher.step()
    assert get(services, run.id).contact_lost_since is None

    services.clock.advance(0.5)
    watcher.step()
    watcher.step()
    lost = get(services, run.id)
    assert (lost.contact_lost_since, lost.state) == (moment(0), State.PREFLIGHT)
    assert events(services, run)[-1].data == {"since": "2026-01-01T00:00:00.000000Z"}

    services.executor.beat(run.id, 1, moment(10.4))
    watcher.step()
    watcher.step()
    assert get(services, run.id).contact_lost_since is None
    assert kinds(services, run)[-2:] == [EventKind.CONTACT_LOST, EventKind.CONTACT_REGAINED]


def test_an_attempt_that_never_beats_has_lost_contact_too(
    services: Services, watcher: Watcher, run: Run
) -> None:
    watcher.step()
    services.clock.advance(10.5)
    watcher.step()
    assert get(services, run.id).contact_lost_since == moment(0)

    services.executor.beat(run.id, 1, moment(11))
    watcher.step()
    assert get(services, run.id).contact_lost_since is None


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_clock_that_jumps_is_no_lost_contact_and_hides_none(
    services: Services, watcher: Watcher, run: Run, jump_s: float
) -> None:
    services.executor.beat(run.id, 1, moment(0))
    watcher.step()
    services.clock.jump(jump_s)
    watcher.step()
    assert get(services, run.id).contact_lost_since is None

    services.clock.advance(10.5)
    watcher.step()
    assert get(services, run.id).contact_lost_since == moment(0)


def test_a_new_server_does_not_take_an_old_heartbeat_for_a_new_one(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.executor.beat(run.id, 1, moment(0))
    watcher.step()
    services.clock.advance(10.5)
    watcher.step()

    successor = Watcher(services.context, "here")
    successor.step()
    assert get(services, run.id).contact_lost_since == moment(0)

    services.executor.beat(run.id, 1, moment(11))
    successor.step()
    assert get(services, run.id).contact_lost_since is None


def test_an_unreachable_host_is_lost_contact_and_not_death(
    services: Services, watcher: Watcher, run: Run
) -> None:
    services.clock.advance(5)
    services.executor.cut_off(run.id, 1)
    for _ in range(3):
        services.clock.advance(1000)
        watcher.step()

    seen = get(services, run.id)
    assert (seen.state, seen.contact_lost_since, seen.attempt) == (State.PREFLIGHT, moment(1005), 1)
    assert services.executor.buried == []
    assert kinds(services, run).count(EventKind.CONTACT_LOST) == 1


def test_a_run_that_ends_while_contact_is_lost_ends(services: Services, watcher: Watcher, run: Run) -> None:
    services.executor.cut_off(run.id, 1)
    watcher.step()
    leave_result(services, run)
    services.executor.end(run.id, 1, make_exit())
    watcher.step()

    ended = get(services, run.id)
    assert (ended.state, ended.contact_lost_since) == (State.DONE, None)


# death


def test_an_attempt_whose_supervisor_is_gone_is_buried_and_tried_again(
    services: Services, watcher: Watcher, run: Run
) -> None:
    say(services, run, LineKind.NOTE, level="info", text="last words")
    services.executor.vanish(run.id, 1)

    watcher.step()

    assert services.executor.buried == [(run.id, 1)]
    waiting = get(services, run.id)
    assert (waiting.state, waiting.retries) == (State.QUEUED, 1)
    assert EventKind.NOTE_LOGGED in kinds(services, run)

    second = begin_next(services)
    say(services, second, LineKind.PHASE, state="training", text="epoch 1")
    watcher.step()
    assert get(services, run.id).state is State.TRAINING
    assert get(services, run.id).attempt == 2


def test_a_buried_attempt_of_a_cancelled_run_is_not_tried_again(
    services: Services, watcher: Watcher, run: Run
) -> None:
    cancel(services.context, run.id, by="someone")
    services.executor.vanish(run.id, 1)
    watcher.step()
    assert get(services, run.id).state is State.CANCELLED


# recovery


def test_a_run_that_was_claimed_but_not_started_is_started(services: Services, watcher: Watcher) -> None:
    queue(services)
    run = claim(services).run
    assert services.executor.launches == {}

    watcher.step()

    assert list(services.executor.launches) == [(run.id, 1)]
    assert get(services, run.id).state is State.PREFLIGHT


def test_a_run_that_is_started_late_gets_the_gpus_it_holds(services: Services) -> None:
    services.context.store.write(lambda tx: tx.set_slots("gpu", 2))
    services.context.store.write(lambda tx: tx.set_slots("cpu", 2))
    holder = queue(services)
    services.context.store.write(lambda tx: tx.claim_slots(holder.id, "gpu", 1))
    run = claim(services).run
    services.context.store.write(lambda tx: tx.claim_slots(run.id, "gpu", 1))

    Watcher(services.context, "here").step()

    held = services.executor.launches[run.id, 1].gpus
    slots = services.context.store.read(lambda tx: tx.slots())
    assert held == tuple(s.index for s in slots if s.kind == "gpu" and s.run_id == run.id)


def test_a_run_that_was_claimed_and_cancelled_but_not_started_is_never_started(
    services: Services, watcher: Watcher
) -> None:
    queue(services)
    run = claim(services).run
    cancel(services.context, run.id, by="someone")

    watcher.step()

    ended = get(services, run.id)
    assert (ended.state, ended.reason) == (State.CANCELLED, Reason.CANCELLED_BY_USER)
    assert services.executor.launches == {}
    assert services.executor.buried == [(run.id, 1)]


def test_a_run_that_cannot_be_started_late_ends(services: Services, watcher: Watcher) -> None:
    queue(services)
    run = claim(services).run
    services.executor.refusal = OSError("no")
    watcher.step()
    assert get(services, run.id).reason is Reason.PREFLIGHT_REJECTED


def test_an_end_that_came_while_no_server_looked_is_found(services: Services, run: Run) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    leave_result(services, run)
    services.executor.end(run.id, 1, make_exit())

    successor = Watcher(services.context, "there")
    successor.recover()
    successor.step()

    assert get(services, run.id).state is State.DONE


# cancels


def test_a_recorded_cancel_is_passed_on_after_a_restart_once(services: Services, run: Run) -> None:
    cancel(services.context, run.id, by="someone")
    services.executor.cancels.clear()  # the server died before the executor heard of it

    successor = Watcher(services.context, "there")
    successor.recover()
    for _ in range(3):
        successor.step()

    ((attempt, request),) = services.executor.cancels
    assert attempt == (run.id, 1)
    assert (request.verb, request.at) == (Verb.CANCEL, "2026-01-01T00:00:00.000000Z")


def test_what_was_not_asked_for_is_not_passed_on(services: Services, watcher: Watcher, run: Run) -> None:
    watcher.step()
    assert services.executor.cancels == []


def test_garbage_in_a_log_does_not_stop_the_watcher(services: Services, watcher: Watcher, run: Run) -> None:
    scribble(services, run, b"Traceback\n")
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    watcher.step()
    assert get(services, run.id).state is State.TRAINING
    assert services.context.store.read(lambda tx: tx.log_cursor(run.id, 1)) != LogCursor()
