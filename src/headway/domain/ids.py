"""Identifiers of runs: sortable by time, safe as a folder name."""

from __future__ import annotations

import random
import re
import secrets
from datetime import datetime

from headway.domain.errors import InvalidInput

RUN_ID_PATTERN = re.compile(r"[a-z]{2,8}_[0-9]{13}_[0-9a-f]{8}")

# An id is no secret. Asking the system each time would hand the interpreter to another thread in every submit.
_CHANCE = random.Random()  # seeded by the system
_PREFIXES = {"ppo": "tr", "forecast": "fc"}


def new_run_id(engine: str, now: datetime) -> str:
    """`tr_<milliseconds>_<8 hex>` for a PPO job, `fc_` for a forecasting run, `run_` for others."""
    prefix = _PREFIXES.get(engine, "run")
    return f"{prefix}_{int(now.timestamp() * 1000):013d}_{_CHANCE.getrandbits(32):08x}"


def require_run_id(text: str) -> str:
    """The id itself; raises InvalidInput for anything that is not one (paths among them)."""
    if RUN_ID_PATTERN.fullmatch(text) is None:
        raise InvalidInput("run id", text, "expected <prefix>_<13 digits>_<8 hex digits>")
    return text


def new_token() -> str:
    """A random token that names one lease or one invocation."""
    return secrets.token_hex(16)
