"""A handful of the fault suite: some seeds, and every crash point. `make bench-faults` runs many more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.faults import CRASHES, FAULTS, SKIPPED
from tests.faults.harness import a_new_house, make_case, run_case
from tests.faults.house import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

_SEEDS = range(12)
_ALWAYS = ("kill server and supervisor", "kill trainer at a checkpoint", "kill supervisor amid a write")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One house for all cases of a worker: what has ended in it must stay as it is."""
    with a_new_house() as house:
        yield house


def _broken(house: House, seed: int, fault: str | None = None) -> list[str]:
    case = make_case(seed, fault)
    found = run_case(house, case).broken
    return [f"{case}; replay: python -m tests.faults --seed {seed}", *found] if found else []


@pytest.mark.parametrize("seed", _SEEDS)
def test_whatever_a_seed_strikes_every_promise_holds(house: House, seed: int) -> None:
    assert _broken(house, seed) == []


@pytest.mark.parametrize("name", _ALWAYS)
def test_what_has_once_broken_a_promise_does_not_again(house: House, name: str) -> None:
    assert _broken(house, 900, name) == []


@pytest.mark.parametrize("name", CRASHES)
def test_a_server_that_dies_at_a_crash_point_loses_and_doubles_nothing(house: House, name: str) -> None:
    assert _broken(house, 7, name) == []


def test_a_case_follows_from_its_seed_alone() -> None:
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]


def test_every_fault_is_drawn_sooner_or_later() -> None:
    drawn = {make_case(seed).faults[0] for seed in range(2000)}

    assert drawn == {*FAULTS, *CRASHES} - set(SKIPPED)
