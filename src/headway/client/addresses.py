"""Which addresses a receiver of webhooks may have. A name proves nothing: what it resolves to is looked at, each time.

A server that sends where its users say can be made to speak to what only it can reach: to itself, to its network, to
the service of a cloud that hands out credentials. So only public addresses are connected to, unless a setting allows
private ones; and link-local, metadata and multicast addresses never.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], list[str]]

# Public by their numbers, or private ones that are more than a neighbour: they hand out credentials.
_METADATA = frozenset(
    map(ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
_NAT64 = ip_network("64:ff9b::/96")
_NOT_GLOBAL = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16"))
)
_LOW_BITS = 0xFFFF_FFFF


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the order of the system. OSError when there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_within(resolver: Resolve, host: str, port: int, patience_s: float) -> list[str]:
    """As the resolver says, if it says it in time: the system's knows no deadline. TimeoutError, OSError.

    It is asked in a thread, which ends by itself when the system gives up.
    """
    asked: Future[list[str]] = Future()
    threading.Thread(
        target=partial(_settle, asked, resolver, host, port), name="resolver", daemon=True
    ).start()
    try:
        return asked.result(patience_s)
    except TimeoutError as error:
        raise TimeoutError(f"the name {host} was not resolved within {patience_s:.1f} s") from error


def _settle(asked: Future[list[str]], resolver: Resolve, host: str, port: int) -> None:
    try:
        asked.set_result(resolver(host, port))
    except Exception as error:  # noqa: BLE001  (who waits is told)
        asked.set_exception(error)


def find_literal(host: str) -> str | None:
    """The address that a host spells, also the way C does (`127.1`, `0x7f000001`, `2130706433`); None for a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def why_refused(text: str, *, allow_private: bool) -> str | None:
    """Why an address is not connected to; None when it may be. Addresses within addresses are looked at too."""
    address = ip_address(text.partition("%")[0])
    for each in (address, *_embedded(address)):
        kind = _kind_of(each)
        if kind is not None and not (allow_private and kind == "private"):
            return f"{text} is a {kind} address"
    return None


def _kind_of(address: Address) -> str | None:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return None  # what is embedded decides
    if address in _METADATA:
        return "metadata"
    if address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local):
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.is_unspecified or (isinstance(address, IPv4Address) and address.is_reserved):
        return "reserved"
    outside = address.is_global and not any(address in network for network in _NOT_GLOBAL)
    return None if outside else "private"


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address in _NAT64 or (1 < int(address) <= _LOW_BITS):
        yield IPv4Address(int(address) & _LOW_BITS)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
