from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.supervisor.decide import (
    Pressure,
    Situation,
    next_limit_in,
    next_pressure_in,
    pressure_after,
    reason_to_stop,
)
from headway.wire.attempts import Launch, StopRequest, Verb

_MIB = 1 << 20
_CANCEL = StopRequest(Verb.CANCEL, "someone", "asked to", "2026-01-01T00:00:00.000000Z")
_MEMORY = replace(_CANCEL, verb=Verb.MEMORY)
_LAUNCH = Launch("tr", 1, "runs/tr", "candles")
_LIMITED = replace(_LAUNCH, hard_deadline_s=100.0, budget_s=50.0, memory_bytes=64 * _MIB)
_CALM = Situation(elapsed_s=0.0, memory_bytes=0, cancel=None, shutdown=False)


def _verb(launch: Launch, **seen: object) -> Verb | None:
    request = reason_to_stop(launch, replace(_CALM, **seen))  # type: ignore[arg-type]
    return request.verb if request else None


def test_an_attempt_without_limits_runs_on() -> None:
    assert _verb(_LAUNCH, elapsed_s=1e9, memory_bytes=1 << 50) is None


@pytest.mark.parametrize(
    ("elapsed_s", "memory_bytes", "verb"),
    [
        (49.9, 64 * _MIB, None),
        (0.0, 64 * _MIB + 1, Verb.MEMORY),
        (50.0, 0, Verb.BUDGET),
        (1000.0, 1 << 40, Verb.BUDGET),
    ],
)
def test_each_limit_stops_when_it_is_reached_and_not_before(
    elapsed_s: float, memory_bytes: int, verb: Verb | None
) -> None:
    assert _verb(_LIMITED, elapsed_s=elapsed_s, memory_bytes=memory_bytes) is verb


def test_the_hard_limit_of_time_stops_on_its_own() -> None:
    late = replace(_LIMITED, budget_s=None)
    assert _verb(late, elapsed_s=99.9) is None
    assert _verb(late, elapsed_s=100.0) is Verb.DEADLINE
    assert _verb(late, elapsed_s=100.0, memory_bytes=1 << 40) is Verb.DEADLINE


def test_a_limit_of_nothing_stops_at_once() -> None:
    assert _verb(replace(_LAUNCH, budget_s=0.0)) is Verb.BUDGET
    assert _verb(replace(_LAUNCH, hard_deadline_s=0.0)) is Verb.DEADLINE


def test_a_wish_of_a_person_comes_before_the_machine_and_the_machine_before_limits() -> None:
    late = Situation(1000.0, 1 << 40, cancel=None, shutdown=True)

    asked = reason_to_stop(_LIMITED, late)
    assert asked is not None
    assert (asked.verb, asked.by) == (Verb.SHUTDOWN, "supervisor")
    assert reason_to_stop(_LIMITED, replace(late, cancel=_CANCEL)) is _CANCEL


def test_what_stopped_an_attempt_is_told_in_numbers() -> None:
    for seen, words in (
        (replace(_CALM, elapsed_s=60.0), "the budget was spent after 60 s"),
        (replace(_CALM, memory_bytes=80 * _MIB), "used 80 MiB, 64 MiB are allowed"),
    ):
        request = reason_to_stop(_LIMITED, seen)
        assert request is not None
        assert words in request.why


@pytest.mark.parametrize(
    ("since_s", "pressure"),
    [
        (0.0, Pressure.ASK),
        (14.9, Pressure.ASK),
        (15.0, Pressure.TERM),
        (19.9, Pressure.TERM),
        (20.0, Pressure.KILL),
        (1e6, Pressure.KILL),
    ],
)
def test_an_attempt_is_asked_then_told_then_killed(since_s: float, pressure: Pressure) -> None:
    assert pressure_after(_CANCEL, since_s, 20.0) is pressure


def test_a_tree_that_grows_has_less_time_but_never_more_than_the_grace() -> None:
    assert pressure_after(_MEMORY, 5.0, 20.0) is Pressure.KILL
    assert pressure_after(_MEMORY, 3.75, 20.0) is Pressure.TERM
    assert pressure_after(_MEMORY, 2.0, 2.0) is Pressure.KILL
    assert pressure_after(_CANCEL, 5.0, 20.0) is Pressure.ASK


def test_without_grace_there_is_no_asking() -> None:
    assert pressure_after(_CANCEL, 0.0, 0.0) is Pressure.KILL


@given(st.floats(0.5, 3600), st.floats(0, 7200), st.floats(0, 7200))
def test_pressure_never_falls(grace_s: float, one_s: float, other_s: float) -> None:
    early, late = sorted([one_s, other_s])
    assert pressure_after(_CANCEL, early, grace_s) <= pressure_after(_CANCEL, late, grace_s)


@given(st.floats(0.5, 3600), st.floats(0, 0.999))
def test_the_pressure_rises_when_it_was_said_to(grace_s: float, part: float) -> None:
    since_s = part * grace_s
    due_s = next_pressure_in(_CANCEL, since_s, grace_s)

    assert 0.0 < due_s <= grace_s
    now, then = (pressure_after(_CANCEL, at, grace_s) for at in (since_s, since_s + due_s + 1e-6))
    assert then > now


def test_the_next_limit_is_the_nearer_one() -> None:
    assert next_limit_in(_LIMITED, 20.0) == 30.0
    assert next_limit_in(replace(_LIMITED, budget_s=None), 20.0) == 80.0
    assert next_limit_in(_LIMITED, 70.0) == 0.0
    assert next_limit_in(_LAUNCH, 70.0) == inf


def test_nothing_more_is_waited_for_once_the_pressure_has_reached_its_height() -> None:
    assert next_pressure_in(_CANCEL, 16.0, 20.0) == 4.0
    assert next_pressure_in(_CANCEL, 20.0, 20.0) == 0.0
    assert next_pressure_in(_CANCEL, 90.0, 20.0) == 0.0
