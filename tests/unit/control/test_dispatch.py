from __future__ import annotations

import errno
from pathlib import Path

import pytest

from headway.control.dispatch import claim_next, start, start_or_close
from headway.domain.errors import InvalidInput, StoreUnavailable
from headway.domain.events import EventKind
from headway.domain.limits import Limits
from headway.domain.reasons import Reason
from headway.domain.states import State
from headway.ports import SlotUse
from headway.wire.rundir import get_json, write_json
from tests.factories import moment
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import (
    begin,
    begin_next,
    claim,
    events,
    get,
    kinds,
    leave_checkpoint,
    make_result,
    queue,
)


def _slots(services: Services) -> list[SlotUse]:
    return services.context.store.read(lambda tx: tx.slots())


def _lease(services: Services, run_id: str) -> object:
    return services.context.store.read(lambda tx: tx.find_lease(run_id))


# claiming


def test_there_is_nothing_to_claim_in_an_empty_queue(services: Services) -> None:
    assert claim_next(services.context) is None


def test_a_claim_takes_the_slot_and_the_lease_and_opens_the_attempt(services: Services) -> None:
    queued = queue(services)
    services.clock.advance(5)

    claimed = claim(services, "mine")

    run = get(services, queued.id)
    assert claimed.run == run
    assert (run.state, run.attempt, run.progress.phase) == (State.PREFLIGHT, 1, "starting")
    assert (claimed.cpus, claimed.gpus, claimed.token) == ((0,), (), "mine")
    assert _slots(services) == [SlotUse("cpu", 0, run.id)]
    assert _lease(services, run.id) == ("mine", moment(5 + 30))
    assert services.context.store.read(lambda tx: tx.queue_length()) == 0
    assert kinds(services, run) == [EventKind.RUN_QUEUED, EventKind.RUN_CLAIMED]
    assert events(services, run)[-1].data == {"attempt": 1, "executor": "local"}


def test_a_claim_without_a_token_makes_one(services: Services) -> None:
    queue(services)
    claimed = claim_next(services.context)
    assert claimed is not None
    assert len(claimed.token) == 32


def test_runs_are_claimed_by_priority_and_then_by_age(tmp_path: Path) -> None:
    services = make_services(tmp_path, cpu_slots=3)
    first = queue(services)
    services.clock.advance(1)
    second = queue(services)
    services.clock.advance(1)
    urgent = queue(services, priority=1)

    assert [claim(services).run.id for _ in range(3)] == [urgent.id, first.id, second.id]


def test_a_run_waits_while_every_slot_is_taken(services: Services) -> None:
    running = begin(services)
    waiting = queue(services)

    assert claim_next(services.context) is None
    assert get(services, waiting.id).state is State.QUEUED

    services.context.store.write(lambda tx: tx.free_slots(running.id))
    assert claim(services).run.id == waiting.id


def test_a_run_that_waits_for_more_slots_is_not_overtaken_and_holds_none_of_them(tmp_path: Path) -> None:
    services = make_services(tmp_path, cpu_slots=2, gpu_slots=1)
    begin(services, limits=Limits(gpus=1))
    large = queue(services, limits=Limits(gpus=1))
    services.clock.advance(1)
    queue(services)

    assert claim_next(services.context) is None
    assert get(services, large.id).state is State.QUEUED
    assert sum(slot.run_id is None for slot in _slots(services)) == 1
    assert services.context.store.read(lambda tx: tx.queue_position(large.id)) == 0


def test_two_runs_never_share_a_slot(tmp_path: Path) -> None:
    services = make_services(tmp_path, cpu_slots=2, gpu_slots=2)
    for _ in range(3):
        queue(services, limits=Limits(gpus=1))
        services.clock.advance(1)

    one, other = claim(services), claim(services)

    assert (one.cpus, one.gpus, other.cpus, other.gpus) == ((0,), (0,), (1,), (1,))
    assert claim_next(services.context) is None


# starting


def test_an_attempt_is_launched_with_all_that_it_needs_to_know(tmp_path: Path) -> None:
    services = make_services(tmp_path, gpu_slots=1)
    limits = Limits(3600.0, 7200.0, 5.0, 2.5, 1 << 30, grace_s=3.0, gpus=1, threads=4)
    run = begin(services, limits=limits)

    launch = services.executor.launches[run.id, 1]

    assert launch.run_dir == str(services.context.policy.runs_dir / run.id)
    assert launch.candles_dir == str(tmp_path / "candles")
    assert (launch.hard_deadline_s, launch.budget_s, launch.memory_bytes) == (7200.0, 7200.0, 1 << 30)
    assert (launch.grace_s, launch.threads, launch.gpus) == (3.0, 4, (0,))
    assert (launch.resume_from, launch.context) == (None, {"generation": 1})
    assert get_json(services.context.run_dir(run.id).spec) == run.spec.to_json()


def test_an_attempt_that_was_started_is_not_started_twice(services: Services) -> None:
    run = begin(services)
    first = services.executor.launches[run.id, 1]

    start(services.context, run, ())

    assert services.executor.starts == 2
    assert services.executor.launches == {(run.id, 1): first}


def test_a_launch_that_was_written_before_a_crash_is_launched_again_unchanged(services: Services) -> None:
    queue(services)
    run = claim(services).run
    start(services.context, run, ())
    launch = services.executor.launches.pop((run.id, 1))
    services.executor.sightings.clear()
    write_json(services.context.run_dir(run.id).attempt(1).launch, launch.to_json())
    leave_checkpoint(services, run, 5)

    start(services.context, run.evolve(spent_s=99.0), (7,))

    assert services.executor.launches[run.id, 1] == launch


def test_what_earlier_attempts_spent_is_taken_off_what_is_left(services: Services) -> None:
    queue(services, limits=Limits(hard_duration_s=100.0, max_cost_usd=1.0, usd_per_hour=36.0))
    run = claim(services).run

    start(services.context, run.evolve(spent_s=40.0), ())
    start(services.context, run.evolve(attempt=2, spent_s=400.0), ())

    second = services.executor.launches[run.id, 2]
    first = services.executor.launches[run.id, 1]
    assert (first.hard_deadline_s, first.budget_s) == (60.0, 60.0)
    assert (second.hard_deadline_s, second.budget_s) == (0.0, 0.0)


def test_a_later_attempt_goes_on_from_the_newest_checkpoint_and_a_first_one_does_not(
    services: Services,
) -> None:
    queue(services)
    run = claim(services).run
    leave_checkpoint(services, run, 5)
    newest = leave_checkpoint(services, run, 20)

    start(services.context, run, ())
    start(services.context, run.evolve(attempt=2), ())

    assert services.executor.launches[run.id, 1].resume_from is None
    assert services.executor.launches[run.id, 2].resume_from == newest


def test_a_run_knows_the_newest_model_of_its_series(services: Services) -> None:
    parent = begin(services)
    result = make_result(metrics={"generation": 3.0})
    services.context.store.write(
        lambda tx: tx.update_run(
            parent.evolve(state=State.DONE, finished_at=moment(1), result=result),
            expected_seq=parent.event_seq,
        )
    )
    services.context.store.write(lambda tx: tx.free_slots(parent.id))

    child = begin(services)

    assert services.executor.launches[child.id, 1].context == {"generation": 4}


# what cannot be started


def test_an_attempt_that_cannot_start_ends_with_the_error_and_can_never_start(services: Services) -> None:
    queue(services)
    run = claim(services).run
    services.executor.refusal = ChildProcessError("no supervisor could be started")

    start_or_close(services.context, run, ())

    ended = get(services, run.id)
    assert (ended.state, ended.reason) == (State.FAILED, Reason.PREFLIGHT_REJECTED)
    assert ended.error == "the attempt could not start: no supervisor could be started"
    assert services.executor.buried == [(run.id, 1)]
    assert _slots(services) == [SlotUse("cpu", 0, None)]
    assert _lease(services, run.id) is None


def test_a_full_disk_at_the_start_is_called_by_its_name(services: Services) -> None:
    queue(services)
    run = claim(services).run
    services.executor.refusal = OSError(errno.ENOSPC, "No space left on device")
    start_or_close(services.context, run, ())
    assert get(services, run.id).reason is Reason.DISK_FULL


def test_an_executor_that_this_server_lacks_is_named(services: Services) -> None:
    queue(services, executor="elsewhere")
    with pytest.raises(InvalidInput, match="this server has local"):
        start(services.context, claim(services).run, ())


def test_an_attempt_that_lives_after_all_is_left_to_the_watcher(services: Services) -> None:
    run = begin(services)
    services.executor.refusal = OSError("the answer was lost")

    start_or_close(services.context, run, ())

    assert get(services, run.id).state is State.PREFLIGHT
    assert services.executor.buried == []


def test_a_run_that_was_to_be_cancelled_and_cannot_start_is_cancelled(services: Services) -> None:
    queue(services)
    run = claim(services).run
    services.context.store.write(
        lambda tx: tx.update_run(run.evolve(cancel_requested_at=moment(1)), expected_seq=run.event_seq)
    )
    services.executor.refusal = OSError("no")

    start_or_close(services.context, run, ())

    ended = get(services, run.id)
    assert (ended.state, ended.reason, ended.error) == (State.CANCELLED, Reason.CANCELLED_BY_USER, None)


def test_a_later_attempt_is_not_ended_by_the_failure_of_an_earlier_start(services: Services) -> None:
    queue(services)
    run = claim(services).run
    later = run.evolve(attempt=2)
    services.context.store.write(lambda tx: tx.update_run(later, expected_seq=run.event_seq))
    services.executor.refusal = OSError("late")

    start_or_close(services.context, run, ())

    assert get(services, run.id) == later


def test_slots_are_free_for_the_next_once_a_start_has_failed(services: Services) -> None:
    queue(services)
    services.clock.advance(1)
    second = queue(services)
    services.executor.refusal = OSError("no")
    start_or_close(services.context, claim(services).run, ())
    services.executor.refusal = None

    assert begin_next(services).id == second.id


def test_a_store_that_does_not_answer_is_no_fault_of_the_attempt(services: Services) -> None:
    queue(services)
    run = claim(services).run
    services.executor.refusal = StoreUnavailable("too many clients")

    with pytest.raises(StoreUnavailable):
        start_or_close(services.context, run, ())

    assert get(services, run.id).state is State.PREFLIGHT
    assert services.executor.buried == []


def test_a_run_that_was_accepted_with_a_gpu_does_not_hold_up_the_queue_without_one(
    services: Services,
) -> None:
    queue(services, limits=Limits(gpus=1))

    claimed = claim(services)

    assert claimed.gpus == ()
    assert kinds(services, claimed.run)[-2:] == [EventKind.RUN_CLAIMED, EventKind.NOTE_LOGGED]
    assert "accepted for 1 GPU, and the server sees 0 now" in str(events(services, claimed.run)[-1].data)
