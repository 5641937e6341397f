"""`python -m tests.faults --cases 1000`: many faults, one table. `python -m tests.faults --seed N` replays a case.

Ctrl-C (or SIGTERM) begins no more cases, waits for those under way (seconds) and shows the table so far.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from math import inf
from pathlib import Path

from tests.faults.faults import CRASHES, FAULTS
from tests.faults.suite import Suite
from tests.faults.table import make_document, write_results


def main() -> int:
    """0 when every promise held in every case."""
    asked = _parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` ends it in order, too
    seeds = range(asked.seed, asked.seed + (asked.cases or 1))
    suite = Suite(list(seeds), asked.fault, until=time.monotonic() + asked.within_s)
    began = time.monotonic()
    suite.run(1 if asked.cases is None else asked.jobs)
    took_s = time.monotonic() - began
    command = f"python -m tests.faults {' '.join(sys.argv[1:])}"
    sys.stdout.write("\n" + make_document(suite.outcomes, took_s=took_s, command=command))
    if asked.write is not None and suite.outcomes:
        write_results(asked.write, suite.outcomes, took_s=took_s, command=command)
    return int(any(outcome.broken for outcome in suite.outcomes))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--cases", type=int, help="how many; without it the one of --seed is replayed")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; case n has this seed + n")
    parser.add_argument("--fault", choices=[*FAULTS, *CRASHES], help="the first fault of every case")
    parser.add_argument("--jobs", type=int, default=4, help="houses at the same time")
    parser.add_argument("--within-s", type=float, default=inf, help="begin no case after so many seconds")
    parser.add_argument(
        "--write", type=Path, help="also write the table to this file, and all of it as .json beside it"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
