"""How long a server takes to answer, how much memory it holds when idle, and how soon it adopts a run again.

`python -m benchmarks.cold_start [--quick] [--json FILE]`. Memory is the proportional set size: pages that processes
share count once. The warm fork server is told apart.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from tests.e2e.harness import Server

from benchmarks.alone import Pace, run_alone
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50
from benchmarks.serving import call, hold_slot, serving, wait_until, wait_until_warm
from benchmarks.tables import Measure, Reference
from headway.domain.clock import format_utc, utc_now
from headway.supervisor.processes import memory_of
from headway.wire.lines import LineKind, encode_line

_SAID = "said/meanwhile"
_HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def measure(pace: Pace) -> list[Measure]:
    with serving() as server:
        wait_until_warm(server)
        idle_mb, warm_mb = (memory_of([pid]) / 1e6 for pid in (server.pid, server.fork_server_pid()))
        starts_s = [_restart(server) for _ in range(pace.choose(7, 3))]
    python_s = [_time_python() for _ in range(3)]
    against = (Reference("bare Python that does nothing", p50(python_s)), *_others(pace, "ready_s"))
    return [
        Measure(
            "start → healthy, p50", p50(starts_s), "s", 1, against=against, note=f"most {max(starts_s):.2f}"
        ),
        Measure("idle memory of the server", idle_mb, "MB", 120, against=_others(pace, "idle_mb")),
        Measure("idle memory of the fork server", warm_mb, "MB", note="HEADWAY_WARM=false spares it"),
        Measure("server killed → run followed again, after the start", _adopt(), "s", 2),
    ]


def _others(pace: Pace, figure: str) -> tuple[Reference, ...]:
    return references("cold_start", figure, "dbos", "trackio", "ray", "mlflow", quick=pace.quick)


def _restart(server: Server) -> float:
    """Stop the server; seconds from its new start to its first answer."""
    server.stop()
    return _start(server)


def _start(server: Server) -> float:
    began = time.perf_counter()
    log = (server.data_dir / "server.log").open("ab")
    command = [sys.executable, "-m", server.module, "serve"]
    server.process = subprocess.Popen(
        command, env=server.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    log.close()
    wait_until(lambda: _is_healthy(server.port), every_s=0.005, what="the server is healthy")
    return time.perf_counter() - began


def _adopt() -> float:
    """Seconds from the start of a new server until it shows what the run said while there was none."""
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        job_id = hold_slot(server, caller)
        server.kill()
        said = encode_line(1, format_utc(utc_now()), LineKind.METRICS, {"rows": [[1, {_SAID: 1.0}]]})
        server.run_dir(job_id).attempt(1).events.write_bytes(said)
        began = time.perf_counter()
        _start(server)
        wait_until(lambda: _is_shown(server, job_id), what="the run is followed")
        return time.perf_counter() - began


def _is_shown(server: Server, job_id: str) -> bool:
    with call(server) as caller:
        return _SAID in caller.ask("GET", f"/jobs/{job_id}/status").document()["job"]["latest"]


def _is_healthy(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(_HEALTH)
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def _time_python() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    run_alone(measure)
