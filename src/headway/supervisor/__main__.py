"""`python -m headway.supervisor ATTEMPT_DIR LOCK_FD PROGRAM [ARGUMENT …]`: the plain start of a supervisor.

LOCK_FD is an inherited descriptor of the attempt's lock: it is held for as long as this process lives.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from headway.supervisor.supervise import supervise
from headway.supervisor.trainers import exec_body
from headway.wire.rundir import AttemptDir


def main(arguments: list[str]) -> None:
    """Keep the lock from those that are started here, then supervise."""
    folder, lock, *command = arguments
    os.set_inheritable(int(lock), False)
    supervise(AttemptDir(Path(folder)), exec_body(command))


if __name__ == "__main__":
    main(sys.argv[1:])
