"""Ray's job submission: a head node on this machine, and its REST client."""

from __future__ import annotations

import atexit
import subprocess
import sys
import time
from pathlib import Path

from measuring import Figures, crowd, free_port, memory_mb, percentile, run, start, wait_for
from ray.job_submission import JobStatus, JobSubmissionClient

_SETTLED_S = 3.0
_PORT = free_port()
_URI = f"http://127.0.0.1:{_PORT}"
_ENDED = {JobStatus.STOPPED, JobStatus.FAILED, JobStatus.SUCCEEDED}


def head() -> tuple[subprocess.Popen[bytes], float]:
    """The head node, and the seconds until its job server answered. It ends in order with this program."""
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--head", "--block", f"--port={free_port()}", f"--dashboard-port={_PORT}"]
    began = time.perf_counter()
    process = start([*command, "--disable-usage-stats"], "head.log")
    atexit.register(_end, process)
    wait_for(_answers)
    return process, time.perf_counter() - began


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asked to end, the head takes all that it started with it."""
    process.terminate()
    process.wait()


def _answers() -> bool:
    try:
        JobSubmissionClient(_URI).list_jobs()
    except Exception:  # noqa: BLE001  (whatever it raises while it starts)
        return False
    return True


def submit(quick: bool) -> Figures:
    """`submit_job`, 16 client processes; what the jobs do is `true`."""
    head()
    return crowd(_submit_in_turn, 2 if quick else 5)


def _submit_in_turn(_: int, end_at: float) -> list[float]:
    client, found = JobSubmissionClient(_URI), []
    while time.time() < end_at:
        began = time.perf_counter()
        client.submit_job(entrypoint="true")
        found.append(time.perf_counter() - began)
    return found


def first_step(quick: bool) -> Figures:
    """From `submit_job` to the first line that the user's program prints."""
    head()
    client, found = JobSubmissionClient(_URI), []
    for number in range(2 if quick else 5):
        mark = Path(f"first-{number}").absolute()
        began = time.perf_counter()
        client.submit_job(entrypoint=f"touch {mark}")
        wait_for(mark.exists, every_s=0.005)
        found.append(time.perf_counter() - began)
    return {"p50_s": percentile(found, 0.50)}


def cancel(quick: bool) -> Figures:
    """From `stop_job` to a status that says so, for a program that obeys."""
    head()
    client, found = JobSubmissionClient(_URI), []
    for number in range(2 if quick else 6):
        mark = Path(f"cancel-{number}").absolute()
        job = client.submit_job(entrypoint=f"touch {mark}; exec sleep 600")
        wait_for(mark.exists, every_s=0.005)
        wait_for(lambda job=job: client.get_job_status(job) == JobStatus.RUNNING)
        began = time.perf_counter()
        client.stop_job(job)
        wait_for(lambda job=job: client.get_job_status(job) in _ENDED, every_s=0.005)
        found.append(time.perf_counter() - began)
    return {"p50_s": percentile(found, 0.50), "p95_s": percentile(found, 0.95)}


def cold_start(quick: bool) -> Figures:
    """Until the job server answers, and the memory of the head when idle."""
    process, ready_s = head()
    time.sleep(_SETTLED_S)  # memory is that of a server at rest
    return {"ready_s": ready_s, "idle_mb": memory_mb(process.pid)}


if __name__ == "__main__":
    run({"submit": submit, "first_step": first_step, "cancel": cancel, "cold_start": cold_start})
