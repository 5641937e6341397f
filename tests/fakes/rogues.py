"""Training programs that behave, and some that do not: `python -m tests.fakes.rogues BEHAVIOUR ATTEMPT_DIR`.

Each writes the pids of what it has started to `pids` in its attempt's folder, once it is under way.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

_FOREVER_S = 600.0


def _tell(folder: Path, *pids: int) -> None:
    draft = folder / ".pids"
    draft.write_text(" ".join(str(pid) for pid in (os.getpid(), *pids)))
    draft.rename(folder / "pids")


def _ignore(*numbers: int) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def obedient(folder: Path) -> None:
    """Ends with code 3 when it is asked to stop."""
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
    _tell(folder)
    if (folder / "control" / "stop.json").exists():
        os._exit(3)
    time.sleep(_FOREVER_S)


def quick(folder: Path) -> None:
    """Ends by itself."""
    _tell(folder)


def crashing(folder: Path) -> None:
    """Fails."""
    _tell(folder)
    sys.exit(7)


def deaf(folder: Path) -> None:
    """Hears neither request nor SIGTERM."""
    _ignore(signal.SIGUSR1, signal.SIGTERM)
    _tell(folder)
    time.sleep(_FOREVER_S)


def double_forking(folder: Path) -> None:
    """Leaves a deaf grandchild in a session of its own, whose parent is gone; and is deaf itself."""
    _ignore(signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        child = os.fork()
        if child:
            os.write(writer, str(child).encode())
            os._exit(0)
        os.chdir("/")
        os.closerange(0, 64)
        time.sleep(_FOREVER_S)
    os.wait()
    _tell(folder, int(os.read(reader, 32)))
    time.sleep(_FOREVER_S)


def leaving(folder: Path) -> None:
    """Ends by itself, but leaves a deaf child behind."""
    child = os.fork()
    if child == 0:
        _ignore(signal.SIGTERM, signal.SIGHUP)
        time.sleep(_FOREVER_S)
    _tell(folder, child)


def hungry(folder: Path) -> None:
    """Uses 400 MiB, and keeps them."""
    _ignore(signal.SIGUSR1)
    hoard = bytearray(os.urandom(1 << 20) * 400)
    _tell(folder)
    time.sleep(_FOREVER_S + len(hoard) * 0)


BEHAVIOURS = {
    "obedient": obedient,
    "quick": quick,
    "crashing": crashing,
    "deaf": deaf,
    "double_forking": double_forking,
    "leaving": leaving,
    "hungry": hungry,
}

if __name__ == "__main__":
    BEHAVIOURS[sys.argv[1]](Path(sys.argv[2]))
