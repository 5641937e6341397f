"""The error tree. Errors know nothing of HTTP or exit codes; `api/errors` and `cli/exits` map them.

HeadwayError
├── InvalidInput            a field is out of bounds, unknown or of the wrong type
├── NotFound                no such run, file or series
├── Conflict                the run is not in a state that allows this
│   ├── NotReady            results asked for before the end
│   ├── AlreadyEnded        cancel asked for after the end
│   ├── NotResumable        resume asked for a run that is active or done
│   ├── Busy                a synchronous training is under way
│   └── IdempotencyConflict the key was used with another body
├── Unauthorized            no secret, or a wrong one
├── Forbidden               a page of another site asks
├── TooLarge                what is sent is larger than the server takes
├── RateLimited             too many runs created; says when to try again
├── PreflightFailed         data, disk or engine are not there; carries the reason
├── StaleAttempt            a write by an attempt that is no longer the run's current one
├── IllegalTransition       a state change that the table does not allow
├── DataError               a file of candles cannot be used
├── CorruptRunFile          a file of the run directory is not what it must be
└── StoreUnavailable        the database cannot be reached, or is locked by another server
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class HeadwayError(Exception):
    """Base of every error that Headway raises on purpose. Each crosses a process boundary whole."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_remake, (type(self), self.args, vars(self).copy()))


class InvalidInput(HeadwayError):
    """A value that cannot be accepted; says which field, what was given, what is allowed and what to do."""

    def __init__(self, field: str, value: object, bound: str, *, remedy: str = "") -> None:
        self.field = field
        self.value = value
        self.bound = bound
        self.remedy = remedy
        self.others: tuple[InvalidInput, ...] = ()  # what else is wrong with the same request
        text = f"{field} = {_short(value)} is not allowed: {bound}"
        super().__init__(f"{text}. {remedy}" if remedy else text)

    def along_with(self, others: Iterable[InvalidInput]) -> Self:
        """This error, which knows of the others."""
        self.others = tuple(others)
        return self


class NotFound(HeadwayError):
    """Nothing is known under this name."""


class Conflict(HeadwayError):
    """The request does not fit the state that the run is in."""


class NotReady(Conflict):
    """The run has not ended; `state` says where it is."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class AlreadyEnded(Conflict):
    """The run has ended; `state` says how."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class NotResumable(Conflict):
    """Only a failed or cancelled run can be resumed."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class Busy(Conflict):
    """A synchronous training is under way; `run_id` names it."""

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message)
        self.run_id = run_id


class IdempotencyConflict(Conflict):
    """The idempotency key was used before, with a different body, for the run that `run_id` names."""

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message)
        self.run_id = run_id


class Unauthorized(HeadwayError):
    """The secret is missing or wrong."""


class Forbidden(HeadwayError):
    """A browser asks for a page that is not of this server."""


class RateLimited(HeadwayError):
    """Too many runs were created; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLarge(HeadwayError):
    """More bytes than the server takes; says how many it does."""


class PreflightFailed(HeadwayError):
    """What the run needs is not there; `reason` is the value of a domain Reason.

    `misfit` names field, value, bound and remedy where what was asked for does not fit what is there.
    """

    def __init__(self, message: str, *, reason: str, misfit: InvalidInput | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.misfit = misfit


class StaleAttempt(HeadwayError):
    """A write by an attempt that is not the run's current one: it is refused."""


class IllegalTransition(HeadwayError):
    """A state change that the table of transitions does not hold."""


class DataError(HeadwayError):
    """Candles that cannot be used; the message names the file, the row and the remedy."""


class CorruptRunFile(HeadwayError):
    """A file of the run directory is torn, missing or of another shape."""


class StoreUnavailable(HeadwayError):
    """The store cannot be opened, or another server holds this data folder."""


def _remake(kind: type[HeadwayError], args: tuple[object, ...], fields: dict[str, object]) -> HeadwayError:
    error = kind.__new__(kind, *args)  # __init__ asks for fields that args do not hold
    vars(error).update(fields)
    return error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
