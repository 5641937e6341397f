"""What can be started from the builder. A kind more is an entry more."""

from __future__ import annotations

from collections.abc import Mapping

from headway.web.forecast_steps import FORECAST
from headway.web.ppo_steps import PPO
from headway.web.steps import Kind

KINDS: Mapping[str, Kind] = {kind.key: kind for kind in (FORECAST, PPO)}
FIRST = FORECAST.key
