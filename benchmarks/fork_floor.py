"""The bare mechanism under a warm start: fork a process that has torch, and update weights once.

`python -m benchmarks.fork_floor COUNT` prints [[seconds of each fork], seconds of one new process].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

_NEW_PROCESS = "from benchmarks.fork_floor import update_once; update_once()"


def update_once() -> None:
    """Import torch, where that is still to be done, and make one optimiser step on a 64x64 network."""
    import torch  # noqa: PLC0415  (what is measured)

    torch.set_num_threads(1)
    layers = [torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.Linear(64, 3)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(64, 16)).square().mean().backward()
    optimizer.step()


def fork_once() -> float:
    """Seconds until a forked child has updated its weights."""
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        update_once()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        raise ChildProcessError(f"the forked child ended with {status}")
    return time.perf_counter() - began


def start_once() -> float:
    """Seconds until a new Python has updated its weights."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _NEW_PROCESS], check=True)
    return time.perf_counter() - began


def main(count: int) -> None:
    from headway.engines.registry import import_engines  # noqa: PLC0415  (a new process imports only what it needs)

    import_engines()
    print(json.dumps([[fork_once() for _ in range(count)], start_once()]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
