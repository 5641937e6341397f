"""`python -m tests.faults --cases 1000`: many faults, one table. `python -m tests.faults --seed N` replays a case."""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from math import inf

from tests.faults.faults import CRASHES, FAULTS, SKIPPED
from tests.faults.harness import Outcome, a_new_house, make_case, run_case

_CASES_A_HOUSE = 10


def main() -> int:
    """0 when every promise held in every case."""
    asked = _parse()
    begun = time.monotonic()
    seeds = [asked.seed] if asked.cases is None else range(asked.seed, asked.seed + asked.cases)
    batches = [list(seeds[at : at + _CASES_A_HOUSE]) for at in range(0, len(seeds), _CASES_A_HOUSE)]
    with ThreadPoolExecutor(asked.jobs) as pool:
        outcomes = list(
            chain.from_iterable(
                pool.map(lambda b: list(_live(b, asked.fault, begun + asked.within_s)), batches)
            )
        )
    took_s = time.monotonic() - begun
    speed = f"{len(outcomes)} cases in {took_s:.0f} s, {len(outcomes) / took_s:.2f} a second"
    sys.stdout.write("\n".join((*_table(outcomes), "", speed, "")))
    return int(any(outcome.broken for outcome in outcomes))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--cases", type=int, help="how many; without it the one of --seed is replayed")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; case n has this seed + n")
    parser.add_argument("--fault", choices=[*FAULTS, *CRASHES], help="the first fault of every case")
    parser.add_argument("--jobs", type=int, default=4, help="servers at the same time")
    parser.add_argument("--within-s", type=float, default=inf, help="begin no case after so many seconds")
    return parser.parse_args()


def _live(seeds: list[int], fault: str | None, until: float) -> Iterator[Outcome]:
    """Cases in a house; a house in which something broke is left for a new one."""
    left = list(seeds)
    while left and time.monotonic() < until:
        with a_new_house() as house:
            while left and time.monotonic() < until:
                outcome = run_case(house, make_case(left.pop(0), fault))
                yield outcome
                if outcome.broken:
                    _complain(outcome)
                    break


def _complain(outcome: Outcome) -> None:
    lines = "\n".join(f"  {problem}" for problem in outcome.broken)
    sys.stderr.write(f"BROKEN {outcome.case}\n{lines}\n")


def _table(outcomes: list[Outcome]) -> Iterator[str]:
    found: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.case.faults[0]].append(outcome)
    yield "| fault | cases | held | broken | too late to strike | worst recovery (s) |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield from (_row(name, found[name]) for name in (*FAULTS, *CRASHES) if name in found)
    yield from (f"| {name} | 0 | | | skipped: {why} | |" for name, why in SKIPPED.items())
    yield _row("all", outcomes)


def _row(name: str, outcomes: list[Outcome]) -> str:
    broken = sum(bool(outcome.broken) for outcome in outcomes)
    late = sum(outcome.struck == 0 for outcome in outcomes)
    worst = max(outcome.recovery_s for outcome in outcomes)
    return f"| {name} | {len(outcomes)} | {len(outcomes) - broken} | {broken} | {late} | {worst:.1f} |"


if __name__ == "__main__":
    sys.exit(main())
