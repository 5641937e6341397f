"""What the client raises.

HeadwayError
├── ApiError           the server answered, with an error
├── ServerUnreachable  no answer came within the time for retries
└── WatchTimeout       the time to follow a job was over before the job was
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway.domain.errors import HeadwayError

_GATEWAY = frozenset({502, 503, 504})


class ApiError(HeadwayError):
    """An error answer. `body` is the answer as sent: `field`, `bound`, `remedy` and the rest where it has them."""

    def __init__(self, status: int, code: str, message: str, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.body = body
        super().__init__(message)

    @property
    def transient(self) -> bool:
        """Whether the same request may well succeed a moment later."""
        return self.status in _GATEWAY

    @property
    def retry_after_s(self) -> float:
        """How long the server asks to wait; 0 when it does not say."""
        asked = self.body.get("retryAfterSeconds")
        return float(asked) if isinstance(asked, int | float) else 0.0


class ServerUnreachable(HeadwayError):
    """No answer. `unsent` is true when the request cannot have reached the server."""

    def __init__(self, host: str, why: str, *, unsent: bool = False) -> None:
        self.host = host
        self.why = why
        self.unsent = unsent
        super().__init__(f"no answer from {host}: {why}")


class WatchTimeout(HeadwayError):
    """The job was still under way when the time to follow it was over."""

    def __init__(self, job_id: str, deadline_s: float) -> None:
        self.job_id = job_id
        self.deadline_s = deadline_s
        super().__init__(f"{job_id} had not ended after {deadline_s:g} s of watching")
