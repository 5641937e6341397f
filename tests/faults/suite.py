"""Many cases, several houses at a time; one that hangs is told and left behind."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import Empty, SimpleQueue
from random import Random

from tests.fakes.postgres import PostgresServer, find_postgres, running_postgres
from tests.faults.harness import Case, Outcome, make_case, run_case
from tests.faults.house import House
from tests.faults.houses import PAIR, a_house

_CASES_A_HOUSE = 10
_HUNG_S = 300.0  # every wait of a case is bounded well below


class Suite:
    """The cases of some seeds. `outcomes` grows while they run."""

    def __init__(self, seeds: list[int], fault: str | None, *, until: float) -> None:
        self.outcomes: list[Outcome] = []
        self._rows = _rows_of([make_case(seed, fault) for seed in seeds])
        self._fault = fault
        self._until = until
        self._stopping = threading.Event()

    def run(self, jobs: int) -> None:
        """All cases, or as many as there is time for."""
        waiting: SimpleQueue[list[Case]] = SimpleQueue()
        for row in self._rows:
            waiting.put(row)
        needs_database = any(row[0].house == PAIR for row in self._rows)
        with _a_database(needed=needs_database) as database, ThreadPoolExecutor(jobs) as pool:
            workers = [pool.submit(self._work, waiting, database) for _ in range(jobs)]
            try:
                wait(workers)
            except KeyboardInterrupt:
                self._stopping.set()
                sys.stderr.write("no more cases are begun; those under way end\n")
            for worker in workers:
                worker.result()

    def _work(self, waiting: SimpleQueue[list[Case]], database: PostgresServer | None) -> None:
        while self._goes_on():
            try:
                row = waiting.get_nowait()
            except Empty:
                return
            for outcome in self._live(row, database):
                self.outcomes.append(outcome)
                if outcome.broken:
                    self._complain(outcome)

    def _goes_on(self) -> bool:
        return not self._stopping.is_set() and time.monotonic() < self._until

    def _live(self, row: list[Case], database: PostgresServer | None) -> Iterator[Outcome]:
        """Cases in a house; a house in which something broke is left for a new one."""
        left = list(row)
        while left and self._goes_on():
            with ExitStack() as stack:
                try:
                    house = stack.enter_context(a_house(row[0].house, database))
                except Exception as error:  # noqa: BLE001  (the other cases go on)
                    yield Outcome(left.pop(0), broken=[f"no house: {type(error).__name__}: {error}"])
                    continue
                while left and self._goes_on():
                    outcome = _run_guarded(house, left.pop(0))
                    yield outcome
                    if outcome.broken:
                        break

    def _complain(self, outcome: Outcome) -> None:
        fault = f' --fault "{self._fault}"' if self._fault else ""
        lines = "\n".join(f"  {problem}" for problem in outcome.broken)
        replay = f"python -m tests.faults --seed {outcome.case.seed}{fault}"
        sys.stderr.write(f"BROKEN {outcome.case}\n{lines}\n  replay: {replay}\n")


def _run_guarded(house: House, case: Case) -> Outcome:
    """A case, for as long as a case may take; one that hangs says where."""
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(run_case(house, case)), name=str(case), daemon=True)
    thread.start()
    thread.join(_HUNG_S)
    if found:
        return found[0]
    frame = sys._current_frames().get(thread.ident or 0)
    where = "".join(traceback.format_stack(frame)[-4:]) if frame is not None else "nowhere"
    return Outcome(case, broken=[f"it hangs, and was ended after {_HUNG_S:.0f} s:\n{where}"])


def _rows_of(cases: list[Case]) -> list[list[Case]]:
    """Cases that live in one house one after the other; the kinds are mixed, so that an early end has seen them all."""
    kinds: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        kinds[case.house].append(case)
    rows = [
        found[at : at + _CASES_A_HOUSE]
        for found in kinds.values()
        for at in range(0, len(found), _CASES_A_HOUSE)
    ]
    Random(len(cases)).shuffle(rows)
    return rows


@contextmanager
def _a_database(*, needed: bool) -> Iterator[PostgresServer | None]:
    binaries = find_postgres() if needed else None
    if binaries is None:
        yield None
        return
    with running_postgres(binaries) as server:
        yield server
