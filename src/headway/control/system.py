"""How the server itself stands: its store, its disk, what it has yet to read, who it has yet to tell."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass

from headway.control.context import Context
from headway.control.query import QueueView, measure_unread, view_queue
from headway.control.webhooks import list_webhooks
from headway.domain.webhooks import DeliveryState
from headway.ports import StoreFacts

_MAX_WAITING = 200


@dataclass(frozen=True)
class Disk:
    """The disk of the run directories. Below `min_free_bytes` no run is accepted."""

    folder: str
    free_bytes: int
    total_bytes: int
    min_free_bytes: int

    @property
    def is_short(self) -> bool:
        return self.free_bytes < self.min_free_bytes


@dataclass(frozen=True)
class Host:
    """The machine that the server runs on. `load` is the mean number of busy or waiting threads of a minute."""

    name: str
    system: str
    cores: int
    load: float
    python: str


@dataclass(frozen=True)
class Told:
    """Webhooks, and their deliveries that wait or were given up."""

    active: int
    inactive: int
    waiting: int
    dead: int


@dataclass(frozen=True)
class SystemView:
    """All of it at one moment."""

    queue: QueueView
    store: StoreFacts
    unread_bytes: int
    disk: Disk
    host: Host
    told: Told


def view_system(context: Context) -> SystemView:
    """StoreUnavailable when the store does not answer."""
    _, _, unread_bytes = measure_unread(context)
    return SystemView(
        view_queue(context, _MAX_WAITING),
        context.store.describe(),
        unread_bytes,
        view_disk(context),
        view_host(),
        _count_told(context),
    )


def view_disk(context: Context) -> Disk:
    """Room for run directories."""
    policy = context.policy
    usage = shutil.disk_usage(policy.runs_dir)
    return Disk(str(policy.runs_dir.parent), usage.free, usage.total, policy.min_free_bytes)


def view_host() -> Host:
    """This machine."""
    return Host(
        platform.node(),
        f"{platform.system()} {platform.release()}",
        os.cpu_count() or 1,
        os.getloadavg()[0],
        platform.python_version(),
    )


def _count_told(context: Context) -> Told:
    views = list_webhooks(context)
    active = sum(view.webhook.active for view in views)

    def count(state: DeliveryState) -> int:
        return sum(view.counts.get(state, 0) for view in views)

    return Told(active, len(views) - active, count(DeliveryState.WAITING), count(DeliveryState.DEAD))
