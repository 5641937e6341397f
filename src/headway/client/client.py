"""What the clients of all front doors share: their connection, and its end."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self

from headway.client.connection import Connection
from headway.client.pacing import Pacing, Retry


class Client:
    """A client of one server. Use as a context manager.

    Requests that may be repeated are repeated while the server cannot be reached or answers 502, 503 or 504, for
    at most `retry_for_s` seconds in all; `on_retry` is told of each. Every call raises ApiError for an error
    answer, ServerUnreachable when none came, and InvalidInput for an id that is none.
    """

    ROOT: ClassVar[str]  # what the paths of a front door begin with

    def __init__(
        self,
        host: str,
        secret: str,
        *,
        retry_for_s: float = 20.0,
        pacing: Pacing | None = None,
        on_retry: Callable[[Retry], None] | None = None,
    ) -> None:
        self.pacing = pacing or Pacing()
        self.connection = Connection(
            host,
            secret,
            retry_for_s=retry_for_s,
            pacing=self.pacing,
            on_retry=on_retry or (lambda _retry: None),
            root=self.ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host(self) -> str:
        return self.connection.host

    def close(self) -> None:
        self.connection.close()
