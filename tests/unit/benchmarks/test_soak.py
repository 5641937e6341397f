"""What a soak calls growth."""

from __future__ import annotations

import pytest
from benchmarks.soak import Sample, judge

_MB = 1e6


def _verdict(memory_mb: list[float], what: str = "memory of the server", descriptors: int = 60) -> str:
    """What is said of samples that were taken every ten seconds."""
    samples = [
        Sample(10.0 * number, number, int(value * _MB), descriptors + number // 200, 8, 1, 4, 1000 * number)
        for number, value in enumerate(memory_mb)
    ]
    (found,) = (each for each in judge(samples, 0) if each.what == what)
    return found.note.partition(": ")[2].partition(";")[0]


def test_what_goes_on_growing_is_told_however_slowly() -> None:
    leak_mb_a_sample = 64e-6 * 4  # 64 bytes a run, 1,440 runs an hour
    assert _verdict([120.0 + number * leak_mb_a_sample for number in range(360)]) == "grows"


def test_caches_that_fill_in_the_first_half_are_no_growth() -> None:
    assert _verdict([120.0 + min(number, 170) * 0.01 for number in range(360)]) == "no growth seen"


def test_a_page_here_and_there_is_no_growth() -> None:
    pages = [120.0 + 0.004 * (number // 150) for number in range(360)]
    assert _verdict(pages) == "no growth seen"


def test_descriptors_that_are_not_given_back_are_growth() -> None:
    assert _verdict([120.0] * 360, "descriptors of the server") == "grows"


@pytest.mark.parametrize("minutes", [5, 29])
def test_a_short_soak_tells_nothing_of_growth(minutes: int) -> None:
    assert _verdict([120.0] * (6 * minutes)) == "warming up, too short to tell"
