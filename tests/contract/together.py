"""Works that share one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from headway.ports import Store, Transaction
from headway.store.memory import MemoryStore
from tests.waiting import PATIENCE_S


def write_together(store: Store, *works: Callable[[Transaction], Any]) -> list[Future[Any]]:
    """Have works wait until all of them can go into one commit."""
    gate = threading.Event()
    if not isinstance(store, MemoryStore):  # which has no commits to share, and would wait here itself
        store.write_later(lambda _: gate.wait(PATIENCE_S))
    waiting = [store.write_later(work) for work in works]
    gate.set()
    return waiting
