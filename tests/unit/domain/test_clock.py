from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.clock import format_utc, parse_utc, require_aware, utc_now

_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=_OFFSETS)  # noqa: DTZ001


def test_now_is_aware() -> None:
    assert utc_now().tzinfo is UTC


def test_text_has_six_digits_and_a_z_also_on_a_whole_second() -> None:
    assert format_utc(datetime(2026, 11, 23, 9, 5, 36, tzinfo=UTC)) == "2026-11-23T09:05:36.000000Z"


@given(_MOMENTS)
def test_a_moment_comes_back_in_utc(moment: datetime) -> None:
    back = parse_utc(format_utc(moment))
    assert back == moment
    assert back.tzinfo is UTC


@given(_MOMENTS, _MOMENTS)
def test_the_order_of_texts_is_the_order_of_times(first: datetime, second: datetime) -> None:
    assert (format_utc(first) < format_utc(second)) == (first < second)


def test_a_text_with_another_zone_is_read() -> None:
    assert format_utc(parse_utc("2026-01-01T02:30:00+02:30")) == "2026-01-01T00:00:00.000000Z"


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    for refused in (require_aware, format_utc):
        with pytest.raises(ValueError, match="give it a time zone"):
            refused(naive)
    with pytest.raises(ValueError, match="give it a time zone"):
        parse_utc("2026-01-01T00:00:00")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_utc(text)
