"""Attempts at the secret, numbers in words, browsers by name."""

from __future__ import annotations

import pytest

from headway.web.attempts import Failures
from headway.web.sessions_page import say_browser
from headway.web.wording import say_bytes, say_duration, say_number, say_share
from tests.factories import moment


def test_ten_failures_of_an_address_are_allowed_in_five_minutes() -> None:
    failures = Failures()
    for second in range(10):
        assert failures.wait_s("a", moment(second)) == 0
        failures.note("a", moment(second))

    assert failures.wait_s("a", moment(10)) == 290
    assert failures.wait_s("b", moment(10)) == 0
    assert failures.wait_s("a", moment(301)) == 0


def test_addresses_that_have_not_failed_of_late_are_not_kept() -> None:
    failures = Failures()
    for number in range(100):
        failures.wait_s(f"never failed {number}", moment(0))
    failures.note("failed long ago", moment(0))
    failures.wait_s("failed long ago", moment(301))

    assert not failures._by_address


def test_a_success_forgets_the_failures() -> None:
    failures = Failures()
    for _ in range(10):
        failures.note("a", moment(0))
    failures.forget("a")

    assert failures.wait_s("a", moment(0)) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.41234, "0.4123"),
        (-1.31899, "-1.319"),
        (12_340.0, "12,340"),
        (0.00002, "2.0e-05"),
        (123.456, "123.5"),
    ],
)
def test_a_number_has_four_digits(value: float | None, said: str) -> None:
    assert say_number(value) == said


def test_units_are_those_of_people() -> None:
    assert (say_share(None), say_share(0.0), say_share(0.421)) == ("–", "0.0 %", "42.1 %")
    assert (say_bytes(None), say_bytes(999), say_bytes(1_500), say_bytes(2.5e9)) == (
        "–",
        "999 B",
        "1.5 kB",
        "2.5 GB",
    )
    assert (say_duration(None), say_duration(3.44), say_duration(7_500)) == ("–", "3.4 s", "2 h 5 min")


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iOS"),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5", "A program"),
        ("", "A program"),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent: str, said: str) -> None:
    assert say_browser(agent) == said
