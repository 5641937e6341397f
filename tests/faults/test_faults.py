"""A handful of the fault suite: some seeds, each fault that is quick or once found something, and every crash point.

`make bench-faults` runs many more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.fakes.postgres import PostgresServer
from tests.faults.faults import CRASHES, FAULTS, SKIPPED
from tests.faults.harness import make_case, run_case
from tests.faults.house import House
from tests.faults.houses import PAIR, PLAIN, a_house

_SEEDS = range(6)
_ALWAYS = (
    "kill server and supervisor",
    "kill trainer at a checkpoint",
    "kill supervisor amid a write",
    "stop fork server",
    "stop supervisor until it is seen",
    "read-only folder",
    "full disk",
    "power loss",
    "clock an hour ahead",
    "clock an hour behind",
    "training over its memory",
    "training out of memory",
    "training that is deaf",
    "training that double-forks",
    "training that closes its output",
    "two servers: kill one",
    "two servers: clock of one",
)


class Houses:
    """One house of each kind for all cases of a worker: what has ended in it must stay as it is."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open: dict[str, House] = {}

    def of(self, kind: str, database: PostgresServer | None = None) -> House:
        if kind not in self._open:
            self._open[kind] = self._stack.enter_context(a_house(kind, database))
        return self._open[kind]


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    with ExitStack() as stack:
        yield Houses(stack)


def _broken(house: House, seed: int, fault: str | None = None) -> list[str]:
    case = make_case(seed, fault)
    found = run_case(house, case).broken
    override = f' --fault "{fault}"' if fault else ""
    return [f"{case}; replay: python -m tests.faults --seed {seed}{override}", *found] if found else []


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", _SEEDS)
def test_whatever_a_seed_strikes_every_promise_holds(houses: Houses, seed: int) -> None:
    drawn = make_case(seed).faults[0]
    name = drawn if make_case(seed).house == PLAIN else "kill server"
    assert _broken(houses.of(PLAIN), seed, name) == []


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", _ALWAYS)
def test_what_is_quick_or_has_once_broken_a_promise_does_not(
    houses: Houses, name: str, request: pytest.FixtureRequest
) -> None:
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    kind = FAULTS[name].house
    database = request.getfixturevalue("postgres") if kind == PAIR else None
    assert _broken(houses.of(kind, database), 900, name) == []


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", CRASHES)
def test_a_server_that_dies_at_a_crash_point_loses_and_doubles_nothing(houses: Houses, name: str) -> None:
    assert _broken(houses.of(PLAIN), 7, name) == []


def test_a_case_follows_from_its_seed_alone() -> None:
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]


def test_every_fault_is_drawn_sooner_or_later() -> None:
    drawn = {make_case(seed).faults[0] for seed in range(2000)}

    assert drawn == {*FAULTS, *CRASHES} - set(SKIPPED)
