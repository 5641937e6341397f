from __future__ import annotations

from itertools import product

import pytest

from headway.control.judge import Farewell, Verdict, judge
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.wire.attempts import ExitRecord, Verb
from tests.fakes.executor import make_exit

_RESULT = Result(Reason.STOPPED_EARLY, {"sharpe": 1.0})
_DIVERGED = Farewell(Reason.DIVERGED, "the loss became NaN")


def _judge(
    exit_record: ExitRecord,
    *,
    result: Result | None = None,
    farewell: Farewell | None = None,
    cancel_requested: bool = False,
) -> Verdict:
    return judge(exit_record, result=result, farewell=farewell, cancel_requested=cancel_requested)


@pytest.mark.parametrize("by", ["supervisor", "executor"])
@pytest.mark.parametrize("verb", [None, *Verb])
@pytest.mark.parametrize("cancel_requested", [False, True])
def test_a_whole_result_wins_over_everything(by: str, verb: Verb | None, *, cancel_requested: bool) -> None:
    proof = make_exit(by=by, verb=verb, code=None, signal=9)
    verdict = _judge(proof, result=_RESULT, farewell=_DIVERGED, cancel_requested=cancel_requested)
    assert verdict == Verdict(Reason.STOPPED_EARLY, None, _RESULT)


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        (Verb.CANCEL, Reason.CANCELLED_BY_USER),
        (Verb.DEADLINE, Reason.TIMED_OUT),
        (Verb.BUDGET, Reason.OVER_BUDGET),
        (Verb.MEMORY, Reason.OUT_OF_MEMORY),
        (Verb.SHUTDOWN, Reason.SERVER_SHUTDOWN),
    ],
)
def test_what_the_supervisor_stopped_it_for_comes_next(verb: Verb, reason: Reason) -> None:
    verdict = _judge(make_exit(verb=verb, note="why"), farewell=_DIVERGED)
    assert verdict == Verdict(reason, None if verb is Verb.CANCEL else "why")  # a cancel is no error
    assert _judge(make_exit(verb=verb)).error is None


def test_every_way_to_stop_an_attempt_has_a_reason() -> None:
    assert len({_judge(make_exit(verb=verb)).reason for verb in Verb}) == len(Verb)


def test_a_cancel_holds_when_the_supervisor_is_gone() -> None:
    lost = make_exit(by="executor", code=None, note="the supervisor is gone")

    assert _judge(lost, cancel_requested=True) == Verdict(Reason.CANCELLED_BY_USER, None)
    assert _judge(lost) == Verdict(Reason.SUPERVISOR_LOST, "the supervisor is gone")
    assert _judge(make_exit(by="executor")).error == "the supervisor of the attempt is gone"


def test_a_lost_supervisor_wins_over_what_the_training_said() -> None:
    assert _judge(make_exit(by="executor"), farewell=_DIVERGED).reason is Reason.SUPERVISOR_LOST


def test_what_the_training_said_of_its_end_holds_when_it_ended_by_itself() -> None:
    verdict = _judge(make_exit(code=1), farewell=_DIVERGED, cancel_requested=True)
    assert verdict == Verdict(Reason.DIVERGED, "the loss became NaN")


@pytest.mark.parametrize("claimed", [Reason.COMPLETED, Reason.STOPPED_EARLY])
def test_a_training_that_says_it_is_done_without_a_result_is_not_believed(claimed: Reason) -> None:
    verdict = _judge(make_exit(code=0), farewell=Farewell(claimed, None))
    assert verdict == Verdict(Reason.TRAINER_ERROR, "the training process ended without a result")


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (make_exit(code=None, signal=9), "signal 9, as the kernel does when memory runs out"),
        (make_exit(code=None, signal=9, oom_kills=0), "killed from outside by signal 9"),
        (make_exit(code=None, signal=11, oom_kills=1), "killed from outside by signal 11"),
        (make_exit(code=0), "ended without a result"),
        (make_exit(code=3), "exit code 3 and said nothing"),
        (make_exit(code=5), "Read-only file system, or Permission denied"),
    ],
)
def test_without_any_word_the_exit_itself_is_told(proof: ExitRecord, words: str) -> None:
    verdict = _judge(proof)
    assert verdict.reason is Reason.TRAINER_ERROR
    assert words in (verdict.error or "")


def test_a_training_that_the_kernel_killed_for_want_of_memory_ran_out_of_memory() -> None:
    verdict = _judge(make_exit(code=None, signal=9, oom_kills=1))
    assert verdict.reason is Reason.OUT_OF_MEMORY
    assert "memory had run out" in (verdict.error or "")


def test_a_killed_training_is_not_said_to_have_run_out_of_memory_where_the_kernel_killed_nothing() -> None:
    assert "memory" not in (_judge(make_exit(code=None, signal=9, oom_kills=0)).error or "")


def test_only_a_result_makes_a_run_done() -> None:
    farewells = [None, *(Farewell(reason, None) for reason in Reason)]
    for by, verb, farewell, asked in product(
        ("supervisor", "executor"), (None, *Verb), farewells, (False, True)
    ):
        verdict = _judge(make_exit(by=by, verb=verb), farewell=farewell, cancel_requested=asked)
        assert verdict.reason not in (Reason.COMPLETED, Reason.STOPPED_EARLY)
        assert verdict.result is None
