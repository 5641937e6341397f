"""Sends webhooks (port WebhookSender): one connection a message, to an address that was checked, within a deadline."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import httpcore
import httpx

from headway.client.addresses import Resolve, find_literal, resolve, resolve_within, why_refused
from headway.domain.clock import utc_now
from headway.domain.errors import InvalidInput
from headway.ports.webhooks import Outcome

DEADLINE_S = 15.0
MAX_URL = 2000
_CONNECT_S = 5.0
_ADDRESSES = 3  # tried of a name
_REASON = 200  # characters


class _Refused(OSError):
    """An address that is not connected to."""


class HttpSender:
    """Only the head of an answer is read. Proxies of the environment are not used: they would choose the address."""

    def __init__(
        self,
        *,
        allow_http: bool = False,
        allow_private: bool = False,
        deadline_s: float = DEADLINE_S,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_http = allow_http
        self._allow_private = allow_private
        self._deadline_s = deadline_s
        self._resolver = resolver
        self._own_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._own_tls or httpx.create_ssl_context(trust_env=False)  # to read the roots takes 20 ms

    def check(self, url: str) -> None:
        parsed = _parse(url)
        if parsed.scheme != "https" and not (self._allow_http and parsed.scheme == "http"):
            remedy = "" if parsed.scheme != "http" else "Set HEADWAY_WEBHOOKS_ALLOW_HTTP=true to allow http"
            raise _invalid(url, "an https address", remedy)
        if parsed.userinfo:
            raise _invalid(url, "an address without user and password", "The signature says who sends")
        local = parsed.host == "localhost" or parsed.host.endswith(".localhost")
        literal = "127.0.0.1" if local else find_literal(parsed.host)
        refused = literal and why_refused(literal, allow_private=self._allow_private)
        if refused:
            allowable = refused.endswith("private address")
            remedy = "Set HEADWAY_WEBHOOKS_ALLOW_PRIVATE=true to allow it" if allowable else ""
            raise _invalid(url, f"a public address, and {refused}", remedy)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            self.check(url)
            return self._post(_parse(url), headers, body)
        except InvalidInput as error:  # the settings are stricter than they were
            return Outcome(None, f"not sent: {error}"[:_REASON])
        except _Refused as error:
            return Outcome(None, f"not sent: {error}")
        except httpcore.TimeoutException as error:
            return Outcome(None, _reason(error, "no answer in time"))
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as error:
            return Outcome(None, _reason(error, "no answer"))

    def _post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Outcome:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path or b"/"
        )
        backend = _CheckedBackend(self._addresses_of, time.monotonic() + self._deadline_s)
        sent = {
            "host": url.netloc.decode(),
            "content-length": str(len(body)),
            "connection": "close",
            **headers,
        }
        connection = httpcore.HTTPConnection(target.origin, ssl_context=self._tls, network_backend=backend)
        try:
            with connection.stream("POST", target, headers=_encode(sent), content=body) as answer:
                return _outcome_of(answer)
        finally:
            connection.close()

    def _addresses_of(self, host: str, port: int, patience_s: float) -> list[str]:
        """All addresses of a name; _Refused when one of them may not be connected to."""
        found = resolve_within(self._resolver, host, port, patience_s)
        for address in found:
            refused = why_refused(address, allow_private=self._allow_private)
            if refused:
                raise _Refused(f"{host} is not a public host: {refused}")
        return found


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very addresses that were checked: the name is not resolved again in between."""

    def __init__(self, addresses_of: Callable[[str, int, float], list[str]], deadline: float) -> None:
        self._addresses_of = addresses_of
        self._deadline = deadline
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  (the deadline is ours)
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = OSError(f"{host} has no address")
        found = self._addresses_of(host, port, _remaining(self._deadline))
        for address in found[:_ADDRESSES]:
            patience_s = min(_CONNECT_S, _remaining(self._deadline))
            try:
                stream = self._system.connect_tcp(address, port, patience_s, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _HurriedStream(stream, self._deadline)
        raise failure


class _HurriedStream(httpcore.NetworkStream):
    """However slowly the other side drips, all of it is over at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _remaining(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _remaining(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        patience_s = _remaining(self._deadline)
        return _HurriedStream(
            self._stream.start_tls(ssl_context, server_hostname, patience_s), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _remaining(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left_s


def _outcome_of(answer: httpcore.Response) -> Outcome:
    headers = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
    status = answer.status
    error = None if httpx.codes.is_success(status) else f"answered {status}"
    return Outcome(status, error, _read_retry_after(headers.get(b"retry-after")))


def _read_retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date; None for what is neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - utc_now()).total_seconds(), 0.0)


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise _invalid(url, f"a web address: {error}") from error
    if not parsed.host or len(url) > MAX_URL:
        raise _invalid(url, f"a web address with a host, at most {MAX_URL} characters")
    return parsed


def _invalid(url: str, bound: str, remedy: str = "") -> InvalidInput:
    return InvalidInput("url", url, bound, remedy=remedy)


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _reason(error: BaseException, what: str) -> str:
    return f"{what}: {str(error) or type(error).__name__}"[:_REASON]
