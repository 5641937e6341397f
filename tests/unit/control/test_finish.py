from __future__ import annotations

from pathlib import Path

import pytest

from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.domain.artifacts import Artifact
from headway.domain.events import EventKind
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import SlotUse
from headway.wire.attempts import Verb
from headway.wire.lines import LineKind
from headway.wire.rundir import write_json
from tests.factories import moment
from tests.fakes.executor import make_exit
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import (
    begin,
    begin_next,
    events,
    get,
    kinds,
    leave_result,
    make_result,
    queue,
    say,
    scribble,
)

_LOST = make_exit(by="executor", code=None, note="the supervisor is gone")


@pytest.fixture
def run(services: Services) -> Run:
    """A run whose first attempt is under way."""
    return begin(services)


def _holdings(services: Services, run: Run) -> tuple[list[SlotUse], object, object]:
    return services.context.store.read(
        lambda tx: (
            [slot for slot in tx.slots() if slot.run_id == run.id],
            tx.find_lease(run.id),
            tx.queue_position(run.id),
        )
    )


def test_a_run_with_a_result_is_done_and_gives_everything_back(services: Services, run: Run) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    say(services, run, LineKind.PROGRESS, fraction=0.9, phase="epoch 1", step=90, steps_total=100)
    result = leave_result(services, run, make_result(artifacts=(Artifact("m", "model", 1, "aa"),)))
    services.clock.advance(30)

    ended = finish(services.context, run, make_exit(runtime_s=12.5))

    assert ended == get(services, run.id)
    assert (ended.state, ended.reason, ended.error, ended.result) == (
        State.DONE,
        Reason.COMPLETED,
        None,
        result,
    )
    assert (ended.finished_at, ended.spent_s) == (moment(30), 12.5)
    assert (ended.progress.fraction, ended.progress.step, ended.progress.phase) == (1.0, 90, "complete")
    assert _holdings(services, run) == ([], None, None)
    assert events(services, run)[-1].kind is EventKind.RUN_ENDED
    assert events(services, run)[-1].data == {
        "state": "done",
        "reason": "completed",
        "error": None,
        "attempt_runtime_s": 12.5,
        "runtime_s": 12.5,
    }


def test_all_that_was_said_is_read_before_a_run_ends(services: Services, run: Run) -> None:
    for step in range(3):
        say(services, run, LineKind.METRICS, rows=[[step, {"a/b": float(step)}]])
    leave_result(services, run)

    ended = finish(services.context, run, make_exit())

    assert ended.latest == {"a/b": 2.0}
    assert services.context.store.read(lambda tx: tx.count_points(run.id)) == 3


def test_finishing_twice_changes_nothing(services: Services, run: Run) -> None:
    leave_result(services, run)
    once = finish(services.context, run, make_exit())
    services.clock.advance(5)

    assert finish(services.context, run, make_exit()) == once
    assert kinds(services, run).count(EventKind.RUN_ENDED) == 1


def test_a_failed_run_keeps_how_far_it_came(services: Services, run: Run) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    say(services, run, LineKind.PROGRESS, fraction=0.4, phase="epoch 1", step=40)
    say(services, run, LineKind.ENDED, reason="diverged", error="the loss became NaN")

    ended = finish(services.context, run, make_exit(code=1))

    assert (ended.state, ended.reason, ended.error) == (State.FAILED, Reason.DIVERGED, "the loss became NaN")
    assert (ended.progress.fraction, ended.progress.phase) == (0.4, "failed")


def test_the_last_word_of_a_training_is_found_after_a_long_log_and_before_a_torn_line(
    services: Services, run: Run
) -> None:
    scribble(services, run, b"noise " * 20_000 + b"\n")
    say(services, run, LineKind.ENDED, reason="trainer_error", error="first")
    say(services, run, LineKind.ENDED, reason="data_unavailable", error="no candles")
    scribble(services, run, b'{"seq": 9, "at": "no')

    ended = finish(services.context, run, make_exit(code=1))

    assert (ended.reason, ended.error) == (Reason.DATA_UNAVAILABLE, "no candles")


@pytest.mark.parametrize("reason", ["timed_out", "trainer_error", "out_of_memory"])
def test_what_the_run_is_to_blame_for_is_not_tried_again(services: Services, run: Run, reason: str) -> None:
    say(services, run, LineKind.ENDED, reason=reason, error="why")
    assert finish(services.context, run, make_exit(code=1)).state is State.FAILED


# results


def test_the_result_of_an_earlier_attempt_is_no_result_of_this_one(services: Services, run: Run) -> None:
    write_json(services.context.run_dir(run.id).result, {**make_result().to_json(), "attempt": 7})
    assert finish(services.context, run, make_exit()).reason is Reason.TRAINER_ERROR


def test_a_torn_result_is_no_result(services: Services, run: Run) -> None:
    services.context.run_dir(run.id).result.write_bytes(b'{"reason": "comp')
    ended = finish(services.context, run, make_exit())
    assert (ended.state, ended.result) == (State.FAILED, None)


def test_a_result_wins_over_a_cancel_that_came_too_late(services: Services, run: Run) -> None:
    cancel(services.context, run.id, by="someone")
    leave_result(services, run)
    ended = finish(services.context, get(services, run.id), make_exit(verb=Verb.CANCEL))
    assert (ended.state, ended.reason) == (State.DONE, Reason.COMPLETED)


def test_a_result_wins_over_a_supervisor_that_was_lost_afterwards(services: Services, run: Run) -> None:
    leave_result(services, run)
    assert finish(services.context, run, _LOST).state is State.DONE


# another attempt


def test_a_lost_attempt_goes_back_into_the_queue(services: Services, run: Run) -> None:
    say(services, run, LineKind.PHASE, state="training", text="epoch 1")
    say(services, run, LineKind.PROGRESS, fraction=0.5)

    waiting = finish(services.context, run, _LOST)

    assert (waiting.state, waiting.retries, waiting.spent_s) == (State.QUEUED, 1, 10.0)
    assert (waiting.finished_at, waiting.reason, waiting.result) == (None, None, None)
    assert waiting.progress == Progress(phase="waiting for attempt 2")
    assert _holdings(services, run) == ([], None, 0)
    event = events(services, run)[-1]
    assert event.kind is EventKind.ATTEMPT_ENDED
    assert event.data == {
        "attempt": 1,
        "reason": "supervisor_lost",
        "error": "the supervisor is gone",
        "attempt_runtime_s": 10.0,
    }


@pytest.mark.parametrize("proof", [_LOST, make_exit(verb=Verb.SHUTDOWN)])
def test_a_run_is_tried_three_times_and_then_fails(services: Services, run: Run, proof: object) -> None:
    states = []
    for _ in range(3):
        states.append(finish(services.context, run, proof).state)  # type: ignore[arg-type]
        if states[-1] is State.QUEUED:
            run = begin_next(services)

    ended = get(services, run.id)
    assert states == [State.QUEUED, State.QUEUED, State.FAILED]
    assert (ended.attempt, ended.retries, ended.spent_s) == (3, 2, 30.0)
    assert ended.reason in (Reason.SUPERVISOR_LOST, Reason.SERVER_SHUTDOWN)
    assert _holdings(services, run) == ([], None, None)
    assert sorted(services.executor.launches) == [(run.id, 1), (run.id, 2), (run.id, 3)]


def test_where_one_attempt_is_allowed_the_first_loss_is_the_end(tmp_path: Path) -> None:
    services = make_services(tmp_path, max_attempts=1)
    assert finish(services.context, begin(services), _LOST).state is State.FAILED


def test_a_retried_run_keeps_its_place_by_priority_and_age(services: Services, run: Run) -> None:
    services.clock.advance(1)
    younger = queue(services)
    finish(services.context, run, _LOST)

    order = services.context.store.read(lambda tx: tx.queued(10))
    assert order == [run.id, younger.id]


@pytest.mark.parametrize("proof", [_LOST, make_exit(verb=Verb.SHUTDOWN)])
def test_a_cancel_wins_over_another_attempt(services: Services, run: Run, proof: object) -> None:
    cancel(services.context, run.id, by="someone")
    ended = finish(services.context, get(services, run.id), proof)  # type: ignore[arg-type]
    assert (ended.state, ended.reason, ended.error) == (State.CANCELLED, Reason.CANCELLED_BY_USER, None)


def test_a_cancel_that_comes_while_the_attempt_is_judged_wins_too(services: Services, run: Run) -> None:
    cancel(services.context, run.id, by="someone")
    seen_before = run
    assert seen_before.cancel_requested_at is None

    ended = finish(services.context, seen_before, make_exit(verb=Verb.SHUTDOWN))

    assert ended.state is State.CANCELLED


def test_the_end_of_an_earlier_attempt_does_not_end_a_later_one(services: Services, run: Run) -> None:
    finish(services.context, run, _LOST)
    second = begin_next(services)

    assert finish(services.context, run, make_exit(code=1)) == second
    assert get(services, run.id) == second
