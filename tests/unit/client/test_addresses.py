from __future__ import annotations

import pytest

from headway.client.addresses import find_literal, resolve, why_refused

_PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.0.8",
    "::1",
    "fc00::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
_NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "240.0.0.1",
    "255.255.255.255",
]


@pytest.mark.parametrize("address", [*_PRIVATE, *_NEVER])
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert why_refused(address, allow_private=False)


@pytest.mark.parametrize("address", _PRIVATE)
def test_a_private_address_may_be_allowed(address: str) -> None:
    assert why_refused(address, allow_private=True) is None


@pytest.mark.parametrize("address", _NEVER)
def test_what_hands_out_credentials_or_is_no_host_is_never_allowed(address: str) -> None:
    assert why_refused(address, allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_not_refused(address: str) -> None:
    assert why_refused(address, allow_private=False) is None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("example.org", None),
        ("10.0.0.1.example.org", None),
    ],
)
def test_an_address_is_found_however_it_is_spelt(host: str, address: str | None) -> None:
    assert find_literal(host) == address


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433"])
def test_the_system_resolves_to_addresses_that_can_be_looked_at(host: str) -> None:
    found = resolve(host, 80)

    assert found
    assert all(why_refused(address, allow_private=False) for address in found)
