"""Why did an attempt end? Decided from evidence alone. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.wire.attempts import REASON_OF_VERB, ExitCode, ExitRecord


@dataclass(frozen=True)
class Farewell:
    """What the training process said of its own end."""

    reason: Reason
    error: str | None


@dataclass(frozen=True)
class Verdict:
    """Why the attempt ended, and the error to show."""

    reason: Reason
    error: str | None = None
    result: Result | None = None


def judge(
    exit: ExitRecord,  # noqa: A002  (the file is called exit.json)
    *,
    result: Result | None,
    farewell: Farewell | None,
    cancel_requested: bool,
) -> Verdict:
    """The strongest evidence wins.

    1. A whole result of this attempt: it completed, also when a cancel came too late.
    2. What the supervisor stopped it for.
    3. A cancel that was asked for, when the supervisor is gone: everything is dead, as was wanted.
    4. The supervisor was lost.
    5. What the training process said of its own end.
    6. How it exited.
    """
    if result is not None:
        return Verdict(result.reason, None, result)
    if exit.verb is not None:
        reason = REASON_OF_VERB[exit.verb]
        return Verdict(reason, None if reason is Reason.CANCELLED_BY_USER else exit.note or None)
    if exit.by == "executor":
        if cancel_requested:
            return Verdict(Reason.CANCELLED_BY_USER)
        return Verdict(Reason.SUPERVISOR_LOST, exit.note or "the supervisor of the attempt is gone")
    if farewell is not None and farewell.reason not in (Reason.COMPLETED, Reason.STOPPED_EARLY):
        return Verdict(farewell.reason, farewell.error)
    return _judge_exit(exit)


def _judge_exit(exit: ExitRecord) -> Verdict:  # noqa: A002
    if exit.code == ExitCode.DISK_FULL:
        return Verdict(Reason.DISK_FULL, "the disk was too full for the log of the training")
    if exit.code == ExitCode.NOT_WRITABLE:
        return Verdict(
            Reason.TRAINER_ERROR,
            "Read-only file system, or Permission denied: the training process could not write its log",
        )
    if exit.signal == signal.SIGKILL and exit.oom_kills:
        return Verdict(Reason.OUT_OF_MEMORY, "the kernel killed the training process: memory had run out")
    return Verdict(Reason.TRAINER_ERROR, _describe_exit(exit))


def _describe_exit(exit: ExitRecord) -> str:  # noqa: A002
    if exit.signal is not None:
        is_unsure = exit.signal == signal.SIGKILL and exit.oom_kills is None
        hint = ", as the kernel does when memory runs out" if is_unsure else ""
        return f"the training process was killed from outside by signal {exit.signal}{hint}"
    if exit.code == 0:
        return "the training process ended without a result"
    return f"the training process ended with exit code {exit.code} and said nothing"
