"""What is told of processes that are half dead, and of those that the kernel has killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headway.supervisor import processes
from headway.supervisor.processes import find_marked, is_same, oom_kills, started_ticks
from tests.waiting import eventually

_LEADER_DIES = """
import ctypes, sys, threading, time
from pathlib import Path
from headway.supervisor.processes import mark_process
mark_process(Path(sys.argv[1]))
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of threads")
def test_a_process_whose_first_thread_is_dead_lives_while_another_does(tmp_path: Path) -> None:
    """It holds its locks and files; taken for dead, the next attempt would begin beside it."""
    process = subprocess.Popen([sys.executable, "-c", _LEADER_DIES, str(tmp_path)])
    try:
        stat = Path(f"/proc/{process.pid}/stat")
        eventually(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")

        assert find_marked(tmp_path) == [process.pid]
        assert is_same(process.pid, started_ticks(process.pid))
    finally:
        process.kill()
    eventually(lambda: find_marked(tmp_path) == [])
    process.wait()


def test_what_the_kernel_has_killed_for_want_of_memory_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert oom_kills() is None

    (tmp_path / "vmstat").write_text("pgfault 7\n")
    assert oom_kills() is None

    (tmp_path / "vmstat").write_text("pgfault 7\noom_kill 3\noom_kill_victims 9\n")
    assert oom_kills() == 3
