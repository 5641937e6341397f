"""Faults of the times of a table: unread, astray, twice, out of order, in the future, missing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from headway.markets.candles import Seconds, bar_offset_s, show_at
from headway.markets.problems import GAP, SHOWN_ROWS, Problem, Rules, tell
from headway.markets.table import UNREAD_TIME, Table

_US_PER_S = 1_000_000


def check_times(table: Table, rules: Rules) -> Iterator[Problem]:
    times_us = table.times_us()
    empty = table.is_empty("timestamp").to_numpy()
    known = times_us != UNREAD_TIME
    formats = "write ISO 8601 (UTC) or an epoch in seconds, ms or us"
    yield from tell(table, "timestamp", "empty", empty, "is empty")
    yield from tell(table, "timestamp", "not_a_time", ~known & ~empty, f"is no time: {formats}")
    bar_us = rules.bar_s * _US_PER_S
    astray = known & ((times_us - bar_offset_s(rules.bar_s) * _US_PER_S) % bar_us != 0)
    reason = f"does not begin a bar of {rules.timeframe} (UTC); is the timeframe right?"
    yield from tell(table, "timestamp", "misaligned", astray, reason)
    now_s = time.time() if rules.now_s is None else rules.now_s
    open_bar = known & (times_us + bar_us > now_s * _US_PER_S)
    yield from tell(table, "timestamp", "future", open_bar, "begins a bar that has not closed yet")
    rows = np.flatnonzero(known)
    yield from _check_order(table, rows, times_us[rows])
    yield from _check_gaps(rows, times_us[rows], rules)


def _check_order(table: Table, rows: Seconds, times_us: Seconds) -> Iterator[Problem]:
    again, before = np.zeros(len(table), np.bool_), np.zeros(len(table), np.bool_)
    first_seen = np.unique(times_us, return_index=True)[1]
    again[rows] = True
    again[rows[first_seen]] = False
    before[rows[1:]] = np.diff(times_us) < 0
    yield from tell(table, "timestamp", "duplicate", again, "is there already in an earlier row")
    yield from tell(
        table, "timestamp", "order", before & ~again, "is earlier than the row before; sort by time"
    )


def _check_gaps(rows: Seconds, times_us: Seconds, rules: Rules) -> Iterator[Problem]:
    """Gaps between the times in order, so that a wrong order is not also told as gaps."""
    order = np.argsort(times_us, kind="stable")
    rows, times_us = rows[order], times_us[order]
    bar_us = rules.bar_s * _US_PER_S
    missing = np.diff(times_us) // bar_us - 1
    after = np.flatnonzero(missing > rules.longest_gap_bars)
    if not len(after):
        return
    first, total = int(after[0]), int(missing[after].sum())
    place = tuple(int(row) + 1 for row in rows[after + 1][:SHOWN_ROWS])
    from_at, to_at = (show_at(times_us[k] // _US_PER_S) for k in (first, first + 1))
    message = (
        f"row {place[0]}, column timestamp: {int(missing[first])} bars of {rules.timeframe} are missing between "
        f"{from_at} and {to_at} ({len(after)} gaps, {total} bars in all). Fetch the file again with "
        "`headway data fetch`, or allow gaps (skipValidation of a job, data.allow_gaps of a run)"
    )
    yield Problem(GAP, message, "timestamp", place[0], len(after), place)
