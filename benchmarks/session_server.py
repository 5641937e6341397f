"""`python -m benchmarks.session_server serve`: the service, with a program of `tests.fakes.rogues` in place of engines.

So attempts cost nothing, hold their slot until they are asked to stop, and behave as BENCHMARK_BEHAVIOUR says.
"""

from __future__ import annotations

import os
import sys

from headway.cli.serve import serve
from headway.settings import read_settings

BEHAVIOUR = "BENCHMARK_BEHAVIOUR"


def main() -> int:
    session = (sys.executable, "-m", "tests.fakes.rogues", os.environ[BEHAVIOUR])
    return serve(read_settings(), session=session)


if __name__ == "__main__":
    sys.exit(main())
