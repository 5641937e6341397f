"""Named points between the steps of the service half, where tests of recovery have the server die.

`HEADWAY_CRASH_AT=claim.committed headway serve` dies as by `kill -9` where it first reaches that point. Without the
variable a point is a call that compares a name with None.
"""

from __future__ import annotations

import os

POINTS = (
    "submit.before_commit",  # the request is checked, nothing is kept
    "submit.committed",  # the run is kept, nobody has been told
    "claim.committed",  # an attempt is counted, nothing of it is on the disk
    "start.prepared",  # the run directory is there, `launch.json` is not
    "start.launch_written",  # `launch.json` is there, nobody was started
    "start.started",  # a supervisor was started, the lock is still shared with it
    "advance.updated",  # inside a transaction: the run has changed, its event is not written
    "ingest.read",  # lines are read, none is kept
    "ingest.committed",  # lines and offset are kept, the reader does not know it yet
    "bury.killed",  # a lost attempt is dead, its proof is not written
    "finish.drained",  # all lines of a dead attempt are kept, it is not judged
    "finish.judged",  # it is judged, nothing of that is kept
    "finish.committed",  # the run has ended, nobody has been told
    "deliver.sent",  # a webhook's receiver has answered, nothing of that is kept
)

_CODE = 137  # as a shell tells of a death by signal 9
_chosen = os.environ.get("HEADWAY_CRASH_AT")


def reach(point: str) -> None:
    """Die here if this point was chosen when the process started; otherwise nothing."""
    if point == _chosen:
        os._exit(_CODE)
