"""Figures of peers, measured in the same run as ours: each by a program within the peer's own environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from rich.console import Console

from benchmarks.peers.environments import PEERS, find_python
from benchmarks.tables import Reference

_PROGRAMS = Path(__file__).parent / "programs"
_TIMEOUT_S = 420.0
_told = Console(stderr=True, highlight=False)


def references(topic: str, figure: str, *peers: str, quick: bool = False) -> tuple[Reference, ...]:
    """A figure of each peer: measured now, or absent with the reason.

    `topic` names the function of the peer's program, `figure` one of the numbers that it returns.
    """
    return tuple(_reference(name, topic, figure, quick=quick) for name in peers)


def _reference(name: str, topic: str, figure: str, *, quick: bool) -> Reference:
    found = ask(name, topic, quick=quick)
    if isinstance(found, str):
        return Reference(PEERS[name].title, None, missing=found)
    return Reference(PEERS[name].title, found[figure])


@cache
def ask(name: str, topic: str, *, quick: bool = False) -> dict[str, float] | str:
    """What a peer's program measured, by name; or why there is nothing."""
    python = find_python(name)
    if python is None:
        return "not installed: make peers"
    with tempfile.TemporaryDirectory(prefix="headway-peer-", ignore_cleanup_errors=True) as folder:
        command = [str(python), str(_PROGRAMS / f"{PEERS[name].program}.py"), topic, *["--quick"] * quick]
        return _run(command, Path(folder), f"{name} {topic}")


def _run(command: list[str], folder: Path, what: str) -> dict[str, float] | str:
    """The JSON object that is the program's last line; whatever it started ends with it."""
    home = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(_PROGRAMS),
    }
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=home, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
    lines = (folder / "output").read_text(errors="replace").splitlines()
    if code != 0 or not lines:
        _told.print(f"[yellow]{what} failed ({code})[/]: {' / '.join(lines[-3:])}"[:2000])
        return "failed" if code is not None else f"not ready after {_TIMEOUT_S:.0f} s"
    found: dict[str, float] = json.loads(lines[-1])
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
