"""Which rows lie in a stretch of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headway.domain.outcomes import Span


def is_within(at_s: NDArray[np.int64], span: Span) -> NDArray[np.bool_]:
    """Of each row, whether its time is within the span."""
    first = -np.inf if span.first_at_s is None else span.first_at_s
    last = np.inf if span.last_at_s is None else span.last_at_s
    return np.asarray((at_s >= first) & (at_s <= last))
