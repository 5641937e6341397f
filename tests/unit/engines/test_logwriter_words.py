from __future__ import annotations

from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from headway.engines.logwriter import LogWriter
from headway.wire.lines import LineKind, read_lines


@pytest.mark.parametrize(
    "speak",
    [
        lambda log: log.add(LineKind.NOTE, {"level": "info", "text": "caf\udce9"}),
        lambda log: log.add(LineKind.NOTE, {"level": "info", "text": cast("Any", object())}),
        lambda log: log.add(LineKind.PROGRESS, {"fraction": nan}),
        lambda log: log.add_metrics(3, {"a/b": cast("Any", None)}),
        lambda log: log.add_metrics(np.int64(3), {"a/b": np.float32(1.0)}),
    ],
)
def test_a_word_that_is_no_json_does_not_silence_what_follows(
    tmp_path: Path, speak: Callable[[LogWriter], None]
) -> None:
    log = LogWriter(tmp_path / "events.jsonl")
    speak(log)
    log.add(LineKind.ENDED, {"reason": "completed", "error": None})
    log.close()

    reading = read_lines((tmp_path / "events.jsonl").read_bytes())
    assert reading.rejected == []
    assert [line.seq for line in reading.lines] == [1, 2]
    assert reading.lines[-1].kind is LineKind.ENDED
