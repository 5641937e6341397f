"""What an error of an engine stands for."""

from __future__ import annotations

import errno

import pytest

from headway.domain.errors import DataError, InvalidInput
from headway.domain.reasons import Reason
from headway.engines.base import Diverged
from headway.engines.session import classify


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidInput("horizons.long", "1w", "fewer than the rows"), Reason.PREFLIGHT_REJECTED),
        (DataError("no candles"), Reason.DATA_UNAVAILABLE),
        (Diverged("the loss is nan"), Reason.DIVERGED),
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "full"), Reason.DISK_FULL),
        (ZeroDivisionError(), Reason.TRAINER_ERROR),
    ],
)
def test_an_error_of_an_engine_has_the_reason_that_tells_what_to_do(error: Exception, reason: Reason) -> None:
    assert classify(error) is reason
