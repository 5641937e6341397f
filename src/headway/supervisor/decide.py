"""When to stop an attempt, and how hard to press. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from headway.domain.clock import format_utc, utc_now
from headway.wire.attempts import Launch, StopRequest, Verb

_ASKING_SHARE = 0.75  # of the grace: time to write a checkpoint before SIGTERM
_MEMORY_GRACE_S = 5.0  # a tree that grows has less time than one that is merely late


class Pressure(IntEnum):
    """How hard an attempt is pressed to end."""

    NONE = 0
    ASK = 1  # the training process is told to stop at its next batch
    TERM = 2
    KILL = 3


@dataclass(frozen=True)
class Situation:
    """What a supervisor sees at one moment. Times are seconds since the training process was started."""

    elapsed_s: float
    memory_bytes: int
    cancel: StopRequest | None
    shutdown: bool


def reason_to_stop(launch: Launch, seen: Situation) -> StopRequest | None:
    """The first reason to stop that holds, or None. A person's wish comes before any limit."""
    if seen.cancel is not None:
        return seen.cancel
    if seen.shutdown:
        return _request(Verb.SHUTDOWN, "the machine asked the supervisor to end")
    if launch.budget_s is not None and seen.elapsed_s >= launch.budget_s:
        return _request(Verb.BUDGET, f"the budget was spent after {seen.elapsed_s:.0f} s of this attempt")
    if launch.hard_deadline_s is not None and seen.elapsed_s >= launch.hard_deadline_s:
        return _request(
            Verb.DEADLINE, f"the limit of time was reached after {seen.elapsed_s:.0f} s of this attempt"
        )
    if launch.memory_bytes is not None and seen.memory_bytes > launch.memory_bytes:
        used, allowed = seen.memory_bytes >> 20, launch.memory_bytes >> 20
        return _request(Verb.MEMORY, f"the training used {used} MiB, {allowed} MiB are allowed")
    return None


def pressure_after(request: StopRequest, since_s: float, grace_s: float) -> Pressure:
    """How hard to press an attempt that was asked to stop `since_s` ago."""
    grace = _grace(request, grace_s)
    if since_s >= grace:
        return Pressure.KILL
    return Pressure.TERM if since_s >= _ASKING_SHARE * grace else Pressure.ASK


def next_pressure_in(request: StopRequest, since_s: float, grace_s: float) -> float:
    """Seconds until the pressure rises; 0 when it has reached its height."""
    grace = _grace(request, grace_s)
    due = [at - since_s for at in (_ASKING_SHARE * grace, grace) if at > since_s]
    return min(due, default=0.0)


def next_limit_in(launch: Launch, elapsed_s: float) -> float:
    """Seconds until the next limit of time; infinite when there is none."""
    limits = [at for at in (launch.budget_s, launch.hard_deadline_s) if at is not None]
    return max(min(limits, default=float("inf")) - elapsed_s, 0.0)


def _grace(request: StopRequest, grace_s: float) -> float:
    return min(grace_s, _MEMORY_GRACE_S) if request.verb is Verb.MEMORY else grace_s


def _request(verb: Verb, why: str) -> StopRequest:
    return StopRequest(verb, "supervisor", why, format_utc(utc_now()))
