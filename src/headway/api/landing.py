"""From the thread that writes the store to the event loop: one wake-up for all that a commit has answered."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop, get_running_loop
from asyncio import Future as Waiter
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Landing:
    """Where requests wait for their commits: `asyncio.wrap_future` would wake the loop for each of them."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _landed: dict[AbstractEventLoop, list[Waiter[None]]] = field(default_factory=dict)

    async def wait(self, outcome: Future[T]) -> T:
        """What came out. What was handed over is done, also when nobody waits for it any more."""
        loop = get_running_loop()
        waiter = loop.create_future()
        outcome.add_done_callback(lambda _: self._land(loop, waiter))
        await waiter
        return outcome.result()

    def _land(self, loop: AbstractEventLoop, waiter: Waiter[None]) -> None:
        if loop.is_closed():
            return
        with self._lock:
            landed = self._landed.setdefault(loop, [])
            landed.append(waiter)
            first = len(landed) == 1
        if first:
            loop.call_soon_threadsafe(self._wake, loop)

    def _wake(self, loop: AbstractEventLoop) -> None:
        with self._lock:
            landed = self._landed.pop(loop, [])
        for waiter in landed:
            if not waiter.done():  # the request was called off
                waiter.set_result(None)
