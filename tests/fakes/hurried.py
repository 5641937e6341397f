"""The real supervisor on a clock that a test sets forward; started by `HurriedStarter`, otherwise as ever."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from headway.supervisor import supervise
from headway.supervisor.__main__ import main
from headway.wire.rundir import AttemptDir


def hurry(attempt: AttemptDir, by_s: float) -> None:
    """Let the clock of the attempt's supervisor jump; the supervisor looks at it with its next beat."""
    draft = attempt.path / ".clock"
    draft.write_text(str(by_s))
    draft.replace(_ahead(attempt.path))


class HurriedStarter:
    """Starts supervisors whose clock `hurry` can set forward, once for each attempt."""

    def __init__(self, session: Sequence[str]) -> None:
        self._session = tuple(session)
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, attempt: AttemptDir, lock: int) -> bool:
        command = [sys.executable, "-m", "tests.fakes.hurried", str(attempt.path), str(lock), *self._session]
        with attempt.console.open("ab") as console:
            child = subprocess.Popen(
                command, pass_fds=[lock], stdout=console, stderr=console, start_new_session=True
            )
        self._children.append(child)
        return True

    def close(self) -> None:
        """Leaves nothing running, whatever became of the test."""
        for child in self._children:
            child.terminate()
            child.wait()


def _ahead(folder: Path) -> Path:
    return folder / "clock"


def _use_clock_of(folder: Path) -> None:
    def monotonic() -> float:
        ahead = _ahead(folder)
        return time.monotonic() + (float(ahead.read_text()) if ahead.exists() else 0.0)

    vars(supervise)["time"] = SimpleNamespace(monotonic=monotonic)


if __name__ == "__main__":
    _use_clock_of(Path(sys.argv[1]))
    main(sys.argv[1:])
