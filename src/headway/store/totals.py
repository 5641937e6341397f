"""Totals of lists that were counted before: who turns a page, or asks again, does not wait for the same count again.

Each total is of one version of the lists. The version is a counter in the database, moved by the commit that changes
what lists count: so a total is right for a snapshot whose version is that of the total, whichever server wrote.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from headway.ports import RunFilter, RunSort, SortBy

_MOST = 512


class Totals:
    """The totals used last, each with its version. Threads may share it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[RunFilter, tuple[int, int]] = OrderedDict()

    def find(self, which: RunFilter, version: int) -> int | None:
        """The number of runs that match; None where it is not known for this version."""
        key = _narrowed(which)
        with self._lock:
            kept_version, total = self._kept.get(key, (None, 0))
            if kept_version != version:
                return None
            self._kept.move_to_end(key)
            return total

    def keep(self, which: RunFilter, version: int, total: int) -> None:
        with self._lock:
            self._kept[_narrowed(which)] = (version, total)
            self._kept.move_to_end(_narrowed(which))
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _narrowed(which: RunFilter) -> RunFilter:
    """What is counted: of the order only whether a run has the metric at all, nothing of the page."""
    metric = RunSort(SortBy.METRIC, which.sort.metric)
    return replace(which, after=None, limit=1, sort=metric if which.sort.by is SortBy.METRIC else RunSort())
