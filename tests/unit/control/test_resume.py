from __future__ import annotations

import pytest

from headway.control.cancel import cancel
from headway.control.finish import finish
from headway.control.resume import resume
from headway.domain.errors import InvalidInput, NotFound, NotResumable
from headway.domain.events import EventKind
from headway.domain.limits import Limits
from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire.attempts import Verb
from headway.wire.jobs import ResumeRequest
from headway.wire.lines import LineKind
from tests.factories import run_id
from tests.fakes.executor import make_exit
from tests.fakes.services import Services
from tests.unit.control.acts import (
    begin,
    begin_next,
    events,
    get,
    leave_checkpoint,
    leave_result,
    queue,
    say,
)

_LIMITS = Limits(duration_s=1800.0, hard_duration_s=3600.0, max_cost_usd=1.0, usd_per_hour=0.5)
_ASKED = ResumeRequest()


def _fail(services: Services, *, runtime_s: float = 100.0, checkpoint: int | None = None) -> Run:
    run = begin(services, limits=_LIMITS)
    if checkpoint is not None:
        leave_checkpoint(services, run, checkpoint)
    say(services, run, LineKind.ENDED, reason="trainer_error", error="why")
    ended = finish(services.context, run, make_exit(code=1, runtime_s=runtime_s))
    assert ended.state is State.FAILED
    return ended


def test_a_failed_run_waits_again_as_if_it_had_never_ended(services: Services) -> None:
    failed = _fail(services)

    resumed, position = resume(services.context, failed.id, _ASKED)

    assert resumed == get(services, failed.id)
    assert position == 0
    assert (resumed.state, resumed.attempt, resumed.retries) == (State.QUEUED, 1, 0)
    assert (resumed.reason, resumed.error, resumed.result, resumed.finished_at) == (None, None, None, None)
    assert resumed.progress == Progress(phase="waiting to resume")
    assert resumed.spent_s == 100.0
    assert resumed.spec == failed.spec


def test_the_next_attempt_goes_on_from_the_newest_checkpoint_with_what_is_left(services: Services) -> None:
    failed = _fail(services, checkpoint=500)
    resume(services.context, failed.id, _ASKED)

    event = events(services, failed)[-1]
    assert event.kind is EventKind.RUN_RESUMED
    assert event.data == {"checkpoint": "checkpoints/000000000500", "from_state": "failed"}

    second = begin_next(services)
    launch = services.executor.launches[failed.id, 2]
    assert second.attempt == 2
    assert launch.resume_from == "checkpoints/000000000500"
    assert (launch.hard_deadline_s, launch.budget_s) == (3500.0, 7100.0)


def test_without_a_checkpoint_a_run_begins_again(services: Services) -> None:
    failed = _fail(services)
    resume(services.context, failed.id, _ASKED)
    begin_next(services)

    assert services.executor.launches[failed.id, 2].resume_from is None
    resumed = [e for e in events(services, failed) if e.kind is EventKind.RUN_RESUMED]
    assert resumed[0].data["checkpoint"] is None


def test_a_damaged_checkpoint_is_not_gone_on_from(services: Services) -> None:
    run = begin(services, limits=_LIMITS)
    older = leave_checkpoint(services, run, 1)
    newer = leave_checkpoint(services, run, 2)
    (services.context.run_dir(run.id).path / newer / "model.zip").write_bytes(b"")
    finish(services.context, run, make_exit(code=1))

    resume(services.context, run.id, _ASKED)

    assert events(services, run)[-1].data["checkpoint"] == older


def test_a_cancelled_run_resumes_without_its_cancel(services: Services) -> None:
    run = begin(services)
    asked = cancel(services.context, run.id, by="someone")
    finish(services.context, asked, make_exit(verb=Verb.CANCEL))

    resumed, _ = resume(services.context, run.id, _ASKED)

    assert (resumed.state, resumed.cancel_requested_at) == (State.QUEUED, None)
    leave_result(services, begin_next(services))
    assert finish(services.context, get(services, run.id), make_exit()).state is State.DONE


def test_a_run_that_was_cancelled_in_the_queue_resumes(services: Services) -> None:
    run = queue(services)
    cancel(services.context, run.id, by="someone")
    resume(services.context, run.id, _ASKED)
    assert begin_next(services).attempt == 1


def test_a_resumed_run_may_be_tried_three_times_again(services: Services) -> None:
    lost = make_exit(by="executor", runtime_s=0.0)
    run = begin(services)
    for _ in range(2):
        finish(services.context, run, lost)
        run = begin_next(services)
    assert finish(services.context, run, lost).state is State.FAILED

    resume(services.context, run.id, _ASKED)
    run = begin_next(services)

    assert run.attempt == 4
    assert finish(services.context, run, lost).state is State.QUEUED


def test_a_place_behind_others_is_told(services: Services) -> None:
    failed = _fail(services)
    queue(services, priority=5)
    assert resume(services.context, failed.id, _ASKED)[1] == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.PREFLIGHT, State.DONE])
def test_only_what_failed_or_was_cancelled_resumes(services: Services, state: State) -> None:
    run = queue(services) if state is State.QUEUED else begin(services)
    if state is State.DONE:
        leave_result(services, run)
        finish(services.context, run, make_exit())

    with pytest.raises(NotResumable, match=f"is {state}") as caught:
        resume(services.context, run.id, _ASKED)
    assert caught.value.state == state


def test_resuming_twice_is_refused_the_second_time(services: Services) -> None:
    failed = _fail(services)
    resume(services.context, failed.id, _ASKED)
    with pytest.raises(NotResumable):
        resume(services.context, failed.id, _ASKED)
    assert services.context.store.read(lambda tx: tx.queue_length()) == 1


def test_a_run_that_is_not_there_is_not_found(services: Services) -> None:
    with pytest.raises(NotFound):
        resume(services.context, run_id(9), _ASKED)


# what may still be used


@pytest.mark.parametrize(
    ("spent_s", "remedy"),
    [(3599.5, "maxDurationHours"), (3600.0, "maxDurationHours"), (9000.0, "maxDurationHours")],
)
def test_a_run_that_used_its_time_needs_a_higher_limit(
    services: Services, spent_s: float, remedy: str
) -> None:
    failed = _fail(services, runtime_s=spent_s)

    with pytest.raises(NotResumable, match=remedy):
        resume(services.context, failed.id, _ASKED)
    assert get(services, failed.id) == failed

    resumed, _ = resume(services.context, failed.id, ResumeRequest(max_duration_hours=4.0, max_cost_usd=5.0))
    assert resumed.spec.limits.hard_duration_s == 4 * 3600.0
    assert resumed.spec.limits.max_cost_usd == 5.0
    assert resumed.spec.limits.duration_s == _LIMITS.duration_s


def test_a_run_that_used_its_budget_needs_a_higher_one(services: Services) -> None:
    failed = _fail(services, runtime_s=7200.0)
    longer = ResumeRequest(max_duration_hours=12.0)

    with pytest.raises(NotResumable, match=r"\$1: resume it with a higher maxCostUsd"):
        resume(services.context, failed.id, longer)

    resume(services.context, failed.id, longer.model_copy(update={"max_cost_usd": 2.0}))
    begin_next(services)
    launch = services.executor.launches[failed.id, 2]
    assert (launch.hard_deadline_s, launch.budget_s) == (12 * 3600.0 - 7200.0, 7200.0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (ResumeRequest(max_duration_hours=48.01), "maxDurationHours"),
        (ResumeRequest(max_duration_hours=0.24), "maxDurationHours"),
        (ResumeRequest(max_cost_usd=100.01), "maxCostUsd"),
        (ResumeRequest(max_cost_usd=-0.01), "maxCostUsd"),
    ],
)
def test_limits_are_raised_within_the_ceilings_of_the_server(
    services: Services, body: ResumeRequest, field: str
) -> None:
    failed = _fail(services)
    with pytest.raises(InvalidInput) as caught:
        resume(services.context, failed.id, body)
    assert caught.value.field == field
    assert get(services, failed.id).reason is Reason.TRAINER_ERROR
