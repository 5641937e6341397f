"""The machine on which something was measured."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

_SYNCS = 50
_CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, Any]:
    """The machine by kind, never by name."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": f"{memory_bytes / (1 << 30):.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "Python": platform.python_version(),
        "fsync of 4 KiB": f"{_fsync_ms():.2f} ms (median)",
        "load now": f"{os.getloadavg()[0]:.1f}",
        "user": "root" if os.geteuid() == 0 else "not root",
    }


def _fsync_ms() -> float:
    """In the folder for temporary files, where servers of tests and benchmarks keep their data."""
    with tempfile.TemporaryFile() as file:
        took = []
        for _ in range(_SYNCS):
            file.write(b"\0" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _processor() -> str:
    """As Linux names it; elsewhere by its architecture alone."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
