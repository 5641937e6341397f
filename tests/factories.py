"""Records for tests: valid ones, with what matters to the test set by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headway.domain.limits import Limits
from headway.domain.runs import Run
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.domain.trading import TradingConfig

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """Seconds after the beginning of a test's time."""
    return T0 + timedelta(seconds=seconds)


def run_id(number: int) -> str:
    return f"tr_1700000000000_{number:08x}"


def make_spec(**changes: Any) -> Spec:
    values: dict[str, Any] = {
        "engine": "ppo",
        "config": TradingConfig().to_json(),
        "limits": Limits(),
        "seed": 7,
        "origin": "jobs",
        **changes,
    }
    return Spec(**values)


def make_run(number: int = 1, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "id": run_id(number),
        "spec": make_spec(),
        "owner": "owner-a",
        "state": State.QUEUED,
        "created_at": moment(number),
        "series": "BTC|1h|1.1",
        "event_seq": 1,
        **changes,
    }
    return Run(**values)
