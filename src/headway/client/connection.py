"""One HTTP connection pool to a server: tries again, turns the library's errors into ours."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from headway.client.answers import News, error_of, news_of, require_stream
from headway.client.errors import ApiError, ServerUnreachable
from headway.client.pacing import Pacing, Retry
from headway.client.sse import read_frames

T = TypeVar("T")

JOBS_ROOT = "/api/training"
_ANSWER_S = 60.0
_CONNECT_S = 5.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def is_local(host: str) -> bool:
    """Whether a base URL names this machine."""
    return urlsplit(host).hostname in _LOCAL


class Connection:
    """Requests to one server. Paths begin at `root`, which is the jobs API unless another is named."""

    def __init__(
        self,
        host: str,
        secret: str,
        *,
        retry_for_s: float,
        pacing: Pacing,
        on_retry: Callable[[Retry], None],
        root: str = JOBS_ROOT,
    ) -> None:
        self.host = host.rstrip("/")
        self.secret = secret
        self._retry_for_s = retry_for_s
        self._pacing = pacing
        self._on_retry = on_retry
        self._http = httpx.Client(
            base_url=f"{self.host}{root}",
            headers={"x-admin-secret": secret},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=not is_local(self.host),  # a proxy cannot reach this machine's own addresses
        )

    def close(self) -> None:
        self._http.close()

    def retrying(self, work: Callable[[], T], *, repeatable: bool = True) -> T:
        """What `work` returns, tried again after transient failures; what it last raised when time is up.

        Not `repeatable`: again only when the request cannot have reached the server.
        """
        begun_s = self._pacing.monotonic()
        tries = count(1)
        while True:
            try:
                return work()
            except (ApiError, ServerUnreachable) as error:
                retry = self._plan(error, next(tries))
                late = self._pacing.monotonic() - begun_s + retry.delay_s > self._retry_for_s
                if late or not _may_repeat(error, repeatable=repeatable):
                    raise
            self._on_retry(retry)
            self._pacing.sleep(retry.delay_s)

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One try. ApiError for an error answer, ServerUnreachable for none."""
        with self._told():
            answer = self._http.request(method, path, **arguments)
        if not answer.is_success:
            raise error_of(answer)
        return answer

    @contextmanager
    def download(self, path: str, **arguments: Any) -> Iterator[httpx.Response]:
        """One try of a file, whose body is read as it comes. ApiError, ServerUnreachable."""
        with self._told(), self._http.stream("GET", path, **arguments) as answer:
            if not answer.is_success:
                answer.read()
                raise error_of(answer)
            yield answer

    def stream(
        self, path: str, *, after: int, silence_s: float, follow: bool
    ) -> Generator[News | None, None, None]:
        """Server-Sent Events over one connection; None is a keep-alive."""
        request = self._http.build_request(
            "GET",
            path,
            params={"after": after} if follow else {"after": after, "follow": "false"},
            headers={"Last-Event-ID": str(after), "Accept": "text/event-stream"},
            timeout=httpx.Timeout(connect=_CONNECT_S, read=silence_s, write=_ANSWER_S, pool=_CONNECT_S),
        )
        with self._told():
            answer = self._http.send(request, stream=True)
            try:
                require_stream(answer)
                yield from map(news_of, read_frames(answer.iter_bytes()))
            finally:
                answer.close()

    def _plan(self, error: ApiError | ServerUnreachable, tries: int) -> Retry:
        asked_s = error.retry_after_s if isinstance(error, ApiError) else 0.0
        return Retry(tries, max(self._pacing.delay_s(tries), asked_s), str(error))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The one edge where errors of the HTTP library become ours."""
        try:
            yield
        except (httpx.RequestError, httpx.StreamError) as error:
            why = str(error) or type(error).__name__
            raise ServerUnreachable(self.host, why, unsent=isinstance(error, _NEVER_SENT)) from error


def _may_repeat(error: ApiError | ServerUnreachable, *, repeatable: bool) -> bool:
    if isinstance(error, ApiError):
        return error.transient and (repeatable or error.status == httpx.codes.SERVICE_UNAVAILABLE)
    return repeatable or error.unsent
