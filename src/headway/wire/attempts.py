"""The small files of an attempt that cross between executor, supervisor and training process."""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from headway.domain.json import JsonObject
from headway.domain.reasons import Reason


class ExitCode(IntEnum):
    """How a training process leaves. What holds is judged from the files; the code speaks where they cannot."""

    DONE = 0
    FAILED = 1
    STOPPED = 3
    DISK_FULL = 4  # not even the log could be written, as with the next
    NOT_WRITABLE = 5

    @classmethod
    def of(cls, error: BaseException) -> ExitCode:
        """What a process leaves with that an error ends."""
        cause = error.errno if isinstance(error, OSError) else None
        if cause == errno.ENOSPC:
            return cls.DISK_FULL
        return cls.NOT_WRITABLE if cause in (errno.EROFS, errno.EACCES) else cls.FAILED


class Verb(StrEnum):
    """Why an attempt is being stopped."""

    CANCEL = "cancel"  # a person asked
    DEADLINE = "deadline"  # hard limit of time
    BUDGET = "budget"  # the money is spent
    MEMORY = "memory"  # the tree uses more than it may
    SHUTDOWN = "shutdown"  # the machine asked the supervisor to end


REASON_OF_VERB = {
    Verb.CANCEL: Reason.CANCELLED_BY_USER,
    Verb.DEADLINE: Reason.TIMED_OUT,
    Verb.BUDGET: Reason.OVER_BUDGET,
    Verb.MEMORY: Reason.OUT_OF_MEMORY,
    Verb.SHUTDOWN: Reason.SERVER_SHUTDOWN,
}


@dataclass(frozen=True)
class Launch:
    """`launch.json`: all that a supervisor and a training process need to know of one attempt."""

    run_id: str
    attempt: int
    run_dir: str
    candles_dir: str
    resume_from: str | None = None  # checkpoint folder, relative to the run directory
    hard_deadline_s: float | None = None  # what is left of the hard limit for this attempt
    budget_s: float | None = None  # what is left of the budget, in seconds
    memory_bytes: int | None = None
    grace_s: float = 20.0
    threads: int = 1
    gpus: tuple[int, ...] = ()
    context: JsonObject = field(default_factory=dict)  # what the engine needs to know of earlier runs

    def to_json(self) -> JsonObject:
        return {**asdict(self), "gpus": list(self.gpus)}

    @classmethod
    def from_json(cls, data: JsonObject) -> Launch:
        known: dict[str, Any] = dict(data)
        return cls(**{**known, "gpus": tuple(known["gpus"])})


@dataclass(frozen=True)
class StopRequest:
    """`cancel.json` and `stop.json`: who wants the attempt to end, why and when."""

    verb: Verb
    by: str
    why: str
    at: str

    def to_json(self) -> JsonObject:
        return {**asdict(self), "verb": self.verb.value}

    @classmethod
    def from_json(cls, data: JsonObject) -> StopRequest:
        known: dict[str, Any] = dict(data)
        return cls(**{**known, "verb": Verb(known["verb"])})


@dataclass(frozen=True)
class SupervisorRecord:
    """`supervisor.json`: which process holds the attempt. A pid alone is never trusted."""

    pid: int
    started_ticks: int  # process start time as the kernel counts it; 0 where it cannot be known
    boot_id: str
    trainer_pid: int | None = None
    trainer_started_ticks: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> SupervisorRecord:
        known: dict[str, Any] = dict(data)
        return cls(**known)


@dataclass(frozen=True)
class ExitRecord:
    """`exit.json`: nothing of the attempt is alive any more, and how it ended.

    `verb` says why the supervisor stopped it, None when the training ended by itself. `by` is `supervisor`, or
    `executor` when the supervisor was lost and the executor made sure that nothing is left.
    """

    code: int | None
    signal: int | None
    verb: Verb | None
    by: str
    started_at: str | None
    ended_at: str
    runtime_s: float
    killed: int = 0  # processes that had to be killed
    max_rss_bytes: int | None = None
    cpu_s: float | None = None
    note: str = ""
    oom_kills: int | None = (
        None  # by the kernel, of any process of the machine meanwhile; None where it does not tell
    )

    def to_json(self) -> JsonObject:
        return {**asdict(self), "verb": self.verb.value if self.verb else None}

    @classmethod
    def from_json(cls, data: JsonObject) -> ExitRecord:
        known: dict[str, Any] = dict(data)
        verb = known["verb"]
        return cls(**{**known, "verb": Verb(verb) if verb else None})
