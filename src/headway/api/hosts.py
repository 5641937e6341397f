"""Which names the server answers to. A page of a foreign site cannot reach it through the browser of somebody here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.api.errors import refuse
from headway.domain.errors import Forbidden, HeadwayError, InvalidInput

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANY = "*"
_OPEN = frozenset({"/health"})  # whoever watches the server may know it by any name
_DEFAULT_PORTS = {"http": 80, "https": 443}
_POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class Hosts:
    """Names that a request may be addressed to, without ports."""

    names: frozenset[str] = LOOPBACK
    any_name: bool = False
    any_address: bool = False  # bound to all interfaces: also the address that the connection came to

    def allow(self, name: str, scope: Scope) -> bool:
        if self.any_name or name in self.names:
            return True
        return self.any_address and scope.get("server") is not None and name == scope["server"][0]


def make_hosts(bind: str, names: Iterable[str] = ()) -> Hosts:
    """Loopback names, the address that the server is bound to, and the names that the operator gave."""
    given = {_without_brackets(name.lower()) for name in names}
    return Hosts(
        LOOPBACK | {bind.lower()} | given - {ANY},
        any_name=ANY in given,
        any_address=_is_unspecified(bind),
    )


def is_loopback(bind: str) -> bool:
    """Whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind.lower() == "localhost"


class RequireHost:
    """400 for a request that is addressed to somebody else, 403 for one of a page of another site."""

    def __init__(self, app: ASGIApp, *, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._find_error(scope) if scope["type"] in ("http", "websocket") else None
        if error is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refuse(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    def _find_error(self, scope: Scope) -> HeadwayError | None:
        if scope["path"] in _OPEN:
            return None
        host = _only(scope, b"host")
        place = _split(host) if host is not None else None
        if place is None or not self._hosts.allow(place[0], scope):
            remedy = "Add the name to HEADWAY_HOSTS of the server, or use one that is there"
            return InvalidInput("Host", host, "a name that this server answers to", remedy=remedy)
        origins = _all(scope, b"origin")
        if all(_is_same(origin, place) for origin in origins):
            return None
        return Forbidden("a page of another site asks: only pages of this server may")


def _is_same(origin: str, place: tuple[str, int | None]) -> bool:
    """Whether an Origin names the same host and port. Its scheme may differ: a proxy may have ended TLS."""
    scheme, _, rest = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme.lower())
    found = _split(rest) if default is not None else None
    return found is not None and (found[0], found[1] or default) == (place[0], place[1] or default)


@lru_cache(maxsize=64)
def _split(authority: str) -> tuple[str, int | None] | None:
    """Name and port; None when it is no authority."""
    if set(authority) & set("/?#@\\ ") or not authority:
        return None
    try:
        parts = urlsplit(f"//{authority}")
        return (parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


def _only(scope: Scope, name: bytes) -> str | None:
    """A header that must be there once."""
    found = _all(scope, name)
    return found[0] if len(found) == 1 else None


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _without_brackets(name: str) -> str:
    return name.removeprefix("[").removesuffix("]")


def _is_unspecified(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind).is_unspecified
    except ValueError:
        return False
