"""Each fault and each crash point once, but for faults that take longer than some seconds.

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
from tests.faults.houses import PAIR, a_house

_SEED = 84  # of cases that are soon over: one run, one fault, which strikes at once
_SLOW = (
    "training that floods its console",
    "PPO: kill server",
    "PPO: kill supervisor",
    "PPO: kill trainer",
    "PPO: shut supervisor down",
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


def _broken(house: House, fault: str) -> list[str]:
    case = make_case(_SEED, fault)
    found = run_case(house, case).broken
    replay = f'python -m tests.faults --seed {_SEED} --fault "{fault}"'
    return [f"{case}; replay: {replay}", *found] if found else []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in (*FAULTS, *CRASHES) if name not in _SLOW])
def test_whatever_strikes_every_promise_holds(
    houses: Houses, name: str, request: pytest.FixtureRequest
) -> None:
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    kind = make_case(_SEED, name).house
    database = request.getfixturevalue("postgres") if kind == PAIR else None
    assert _broken(houses.of(kind, database), name) == []


def test_a_case_follows_from_its_seed_alone() -> None:
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]


def test_every_fault_is_drawn_sooner_or_later() -> None:
    drawn = {make_case(seed).faults[0] for seed in range(2000)}

    assert drawn == {*FAULTS, *CRASHES} - set(SKIPPED)
