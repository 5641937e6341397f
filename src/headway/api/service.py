"""What the routers are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from headway.api.landing import Landing
from headway.api.streams import Closing
from headway.control.context import Context
from headway.ports import Predictor
from headway.telemetry.counters import Counters


@dataclass(frozen=True)
class Service:
    """The service half, and whose secret opens it."""

    context: Context
    owner: str  # fingerprint of the secret
    counters: Counters
    predictor: Predictor
    closing: Closing = field(default_factory=Closing)
    landing: Landing = field(default_factory=Landing)
