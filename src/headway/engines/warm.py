"""The warm fork server: imports torch and its friends once, then forks supervisors that fork trainings.

`python -m headway.engines.warm SOCKET_FD`. One request is a line with the folder of an attempt and, with it, the
descriptor of the attempt's lock; the answer is `forked`. It ends when its socket is closed; what it has forked lives
on.

Threads and GPU contexts do not survive a fork: it touches no GPU, and who starts it keeps the libraries from starting
threads (`executors/starters`). One is left, polars' cleaner of spilt files, which waits and holds nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from headway.engines.registry import import_engines
from headway.engines.session import run_session
from headway.supervisor.supervise import supervise
from headway.supervisor.trainers import redirect_output
from headway.wire.rundir import AttemptDir

_MAX_REQUEST = 8192


def serve(connection: socket.socket) -> None:
    """Import, say `warm`, then fork on request until the other side is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forked supervisors are not waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_engines()
    with suppress(ConnectionError):  # the other side may go away at any moment
        connection.sendall(b"warm\n")
        _answer(connection)


def _answer(connection: socket.socket) -> None:
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, _MAX_REQUEST, 1)
        if not request:
            return
        attempt = AttemptDir(Path(os.fsdecode(request.rstrip(b"\n"))))
        if os.fork() == 0:
            _become_supervisor(attempt, connection)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(b"forked\n")


def _become_supervisor(attempt: AttemptDir, connection: socket.socket) -> None:
    code = 1
    try:
        connection.close()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        redirect_output(attempt)
        supervise(attempt, run_session)
        code = 0
    except BaseException:  # noqa: BLE001  (a forked child must never unwind into the server's frames)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
