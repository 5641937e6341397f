"""Start the training process of an attempt: a child in a session of its own, which dies with its supervisor."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from headway.supervisor.processes import die_with_parent, mark_process
from headway.wire.attempts import ExitCode, Launch
from headway.wire.rundir import AttemptDir

Body = Callable[[AttemptDir], int]
"""What the child does: returns its exit code, or never returns (exec)."""

_CONSOLE_MODE = 0o644


def exec_body(command: Sequence[str]) -> Body:
    """The plain start: another program, given the attempt's folder as its last argument."""

    def body(attempt: AttemptDir) -> int:
        os.execv(command[0], [*command, str(attempt.path)])  # noqa: S606

    return body


def start_trainer(attempt: AttemptDir, launch: Launch, body: Body) -> int:
    """Fork a child that runs `body`; its pid. The child never returns from here."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code: int = ExitCode.FAILED
    try:
        _become_trainer(attempt, launch, parent)
        code = body(attempt)
    except BaseException as error:  # noqa: BLE001  (a forked child must never unwind into its parent's frames)
        code = ExitCode.of(error)
        print_trace()
    finally:
        leave(code)


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter down: all is written, and torch takes most of a second."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed by the training, or on a full disk
            stream.flush()
    os._exit(code)


def print_trace() -> None:
    """Print the error that is handled now, where the disk has room for it: it must not become another error."""
    with suppress(OSError, ValueError):
        traceback.print_exc()


def redirect_output(attempt: AttemptDir) -> None:
    """Send this process's output to the console log of the attempt, and read nothing."""
    console = os.open(attempt.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _CONSOLE_MODE)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (console, 1), (console, 2)):
        os.dup2(source, target)
    for opened in (nothing, console):
        os.close(opened)


def environment_of(launch: Launch) -> dict[str, str]:
    """What the training process finds in its environment beyond its supervisor's."""
    threads = str(launch.threads)
    found = {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "POLARS_MAX_THREADS": threads,
        "PYTHONUNBUFFERED": "1",
    }
    if launch.gpus:
        found["CUDA_VISIBLE_DEVICES"] = ",".join(str(index) for index in launch.gpus)
        found["CUDA_DEVICE_ORDER"] = (
            "PCI_BUS_ID"  # as nvidia-smi and NVML count: an index means one GPU to all
        )
    return found


def _become_trainer(attempt: AttemptDir, launch: Launch, parent: int) -> None:
    # A stop may be asked for before the training process listens: until then the signal must not kill it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.setsid()
    die_with_parent(parent)
    redirect_output(attempt)
    os.closerange(3, _highest_descriptor())
    os.chdir(attempt.path)
    mark_process(attempt.path)
    os.environ.update(environment_of(launch))


def _highest_descriptor() -> int:
    return min(os.sysconf("SC_OPEN_MAX"), 65_536)
