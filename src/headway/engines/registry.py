"""Engines by name. They are imported only where one is about to run: a server without torch must start."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from headway.domain.errors import PreflightFailed
from headway.domain.reasons import Reason
from headway.engines.base import Train

_MODULES = {"ppo": "headway.engines.ppo.engine", "forecast": "headway.engines.forecast.engine"}
_NEEDS = {
    "ppo": ("torch", "stable_baselines3", "gymnasium", "polars", "arch", "jinja2"),
    "forecast": ("torch", "lightning", "polars", "talib", "arch", "jinja2", "safetensors", "psutil", "yaml"),
}


class InstalledEngines:
    """The engines that can run on this machine (port EngineCatalog)."""

    def __init__(self) -> None:
        self._found: set[str] = set()  # looking for packages on the disk is slow, and what is there stays

    def require(self, engine: str) -> None:
        if engine in self._found:
            return
        missing = [name for name in _NEEDS.get(engine, ()) if find_spec(name) is None]
        if engine not in _MODULES or missing:
            lacking = f": {', '.join(missing)} missing" if missing else ""
            raise PreflightFailed(
                f'the engine {engine!r} is not installed{lacking}. Run: pip install "headway[{engine}]"',
                reason=Reason.PREFLIGHT_REJECTED,
            )
        self._found.add(engine)


def get_engine(name: str) -> Train:
    """The engine of that name; PreflightFailed when it is not installed."""
    InstalledEngines().require(name)
    return cast("Train", import_module(_MODULES[name]).train)


def import_engines() -> None:
    """Import every engine that is installed, so that processes forked from this one need not."""
    for name, module in _MODULES.items():
        if all(find_spec(need) is not None for need in _NEEDS[name]):
            import_module(module)
