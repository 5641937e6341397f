"""`python -m tests.fakes.staged_server serve`: the real server, whose trainings are those of `staged_engine`."""

from __future__ import annotations

import sys

from headway.cli.serve import serve
from headway.settings import read_settings

if __name__ == "__main__":
    sys.exit(serve(read_settings(), session=[sys.executable, "-m", "tests.fakes.staged_session"]))
