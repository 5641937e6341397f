"""`python -m tests.fakes.staged_session ATTEMPT_DIR`: the real session, with the engine of `staged_engine`."""

from __future__ import annotations

import sys
from pathlib import Path

from headway.engines import registry
from headway.engines.session import run_session
from headway.wire.rundir import AttemptDir

if __name__ == "__main__":
    registry._MODULES["ppo"] = "tests.fakes.staged_engine"
    sys.exit(run_session(AttemptDir(Path(sys.argv[1]))))
