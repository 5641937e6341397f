"""What the kernel knows of processes: identity, descendants, memory, and how to tie one's life to another's.

Linux tells all of it through /proc and prctl. Elsewhere `ps` tells the tree, and what cannot be had is left out:
without a subreaper a child that leaves both its parent and its group cannot be found again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ATTEMPT_MARK = "HEADWAY_ATTEMPT_DIR"  # in the environment of all that an attempt starts

_PROC = Path("/proc")
_PS_LOCALE = {"LC_ALL": "C", "PATH": "/bin:/usr/bin"}
_MOMENT_S = 0.01
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Adopt every descendant whose parent dies; False where the system has no such thing."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies, also when the parent is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def boot_id() -> str:
    """Which start of the machine this is; empty where it cannot be known."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def oom_kills() -> int | None:
    """How many processes the kernel has killed since it started because memory ran out; None where it does not tell."""
    try:
        lines = (_PROC / "vmstat").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def started_ticks(pid: int) -> int:
    """When a process started: in the kernel's ticks, or (from `ps`) in seconds. 0 for one that is gone."""
    if not _PROC.is_dir():
        return _started_by_ps(pid)
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else 0


def is_same(pid: int, ticks: int) -> bool:
    """Whether a pid still names the process that had it, and that is no zombie."""
    if not _PROC.is_dir():
        return ticks > 0 and _started_by_ps(pid) == ticks
    fields = _stat_fields(pid)
    return fields is not None and not _is_dead(fields) and int(fields[19]) == ticks


def kill_group(leader: int) -> None:
    """Kill all of a process group, its leader among them."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """The peak memory of a process that was waited for: Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss << 10


def wait_a_moment() -> None:
    """Give the kernel time to bury what was killed."""
    time.sleep(_MOMENT_S)


def descendants(root: int) -> list[int]:
    """All that a process has started and that still lives below it, zombies left out."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def memory_of(pids: Iterable[int]) -> int:
    """Bytes that processes use together; pages shared among several count once."""
    return sum(_proportional_bytes(pid) for pid in pids)


def kill_all(pids: Iterable[int], number: int = signal.SIGKILL) -> int:
    """Signal processes; how many were there to be signalled."""
    count = 0
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        count += 1
    return count


def mark_process(attempt_dir: Path) -> None:
    """Give this process, and all that it forks, the name and the environment by which `find_marked` finds them."""
    os.environ[ATTEMPT_MARK] = str(attempt_dir)
    _prctl(_PR_SET_NAME, _name_of(attempt_dir))


def find_marked(attempt_dir: Path) -> list[int]:
    """Processes of this user that belong to an attempt, wherever they have gone in the tree.

    Needed only when the supervisor was killed. A fork keeps the name, a new program keeps the environment.
    """
    variable = os.fsencode(f"{ATTEMPT_MARK}={attempt_dir}")
    name = _name_of(attempt_dir)
    return [pid for pid in _pids() if _is_marked(_PROC / str(pid), name, variable)]


def _is_marked(place: Path, name: bytes, variable: bytes) -> bool:
    fields = _stat_fields(int(place.name))
    if fields is None or _is_dead(fields):
        return False
    tasks = (
        (place / "task").glob("*") if fields[0] == "Z" else [place]
    )  # a dead leader tells nothing of its threads
    try:
        return any(_has_mark(task, name, variable) for task in tasks)
    except OSError:
        return False  # it is gone, or another user's


def _has_mark(place: Path, name: bytes, variable: bytes) -> bool:
    if (place / "comm").read_bytes().strip() == name:
        return True
    return variable in (place / "environ").read_bytes().split(b"\0")


def _is_dead(fields: list[str]) -> bool:
    """A zombie whose threads are gone too: while one of them is left, all that the process holds is held."""
    return fields[0] == "Z" and int(fields[17]) <= 1


def _name_of(attempt_dir: Path) -> bytes:
    """Fifteen bytes are all that the kernel keeps of a name."""
    return b"hw-" + hashlib.sha256(os.fsencode(attempt_dir)).hexdigest()[:12].encode()


def _parents() -> list[tuple[int, int]]:
    if not _PROC.is_dir():
        table = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
        rows = (line.split() for line in table.stdout.splitlines())
        return [(int(pid), int(parent)) for pid, parent in rows]
    found = ((pid, _stat_fields(pid)) for pid in _pids())
    return [(pid, int(fields[1])) for pid, fields in found if fields is not None and not _is_dead(fields)]


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()] if _PROC.is_dir() else []


def _started_by_ps(pid: int) -> int:
    """Seconds since the epoch at which `ps` says that a process started; 0 for one that is gone or a zombie."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=_PS_LOCALE)  # noqa: S603
    found = told.stdout.split()
    if not found or found[0].startswith("Z"):
        return 0
    return int(time.mktime(time.strptime(" ".join(found[1:]), "%a %b %d %H:%M:%S %Y")))


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat after the name, which may itself hold blanks and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None


def _proportional_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def _prctl(option: int, value: int | bytes) -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
