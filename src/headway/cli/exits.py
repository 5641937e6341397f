"""Exit codes of `headway` and `skippy-train`; one table for both."""

from __future__ import annotations

from enum import IntEnum

EXIT_CODES = (
    "Exit codes: 0 done or detached, 1 other error, 2 usage or no secret, 3 refused, 4 failed, 5 watch timed out, "
    "6 cancelled."
)


class Exit(IntEnum):
    """What the exit code of a command says.

    | code | name      | meaning                                                                     |
    |------|-----------|-----------------------------------------------------------------------------|
    | 0    | DONE      | the command did what was asked; a watched job is done, or was detached from |
    | 1    | ERROR     | something else went wrong: server unreachable, job unknown, no such change  |
    | 2    | USAGE     | wrong flags or arguments, or no admin secret                                |
    | 3    | REFUSED   | the server refused to create the job                                        |
    | 4    | FAILED    | the watched job failed                                                      |
    | 5    | TIMED_OUT | the watch ended before the job did; the job goes on                         |
    | 6    | CANCELLED | the watched job was cancelled                                               |
    """

    DONE = 0
    ERROR = 1
    USAGE = 2
    REFUSED = 3
    FAILED = 4
    TIMED_OUT = 5
    CANCELLED = 6
