"""The programs of the fault suite, all of them real but for the engine.

`python -m tests.faults.programs serve`, `… session ATTEMPT_DIR` and `… warm SOCKET_FD`.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from headway import compose
from headway.cli.serve import serve
from headway.engines import registry, warm
from headway.engines.session import leave, run_session
from headway.settings import read_settings
from headway.wire.rundir import AttemptDir

_THIS = (sys.executable, "-m", "tests.faults.programs")


def main(role: str, *arguments: str) -> None:
    """Be the server, the session of a plain start, or the fork server."""
    registry._MODULES["ppo"] = "tests.faults.engine"
    if role == "serve":
        compose._SESSION = (*_THIS, "session")  # type: ignore[assignment]
        compose._WARM = (*_THIS, "warm")  # type: ignore[assignment]
        sys.exit(serve(read_settings()))
    if role == "session":
        leave(run_session(AttemptDir(Path(arguments[0]))))
    warm.serve(socket.socket(fileno=int(arguments[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
