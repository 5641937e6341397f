"""The socket of wake-ups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Subscription(Protocol):
    """One follower's wake-ups."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until something of the topic may have changed; False after the timeout."""

    def close(self) -> None: ...


class EventBus(Protocol):
    """Wakes followers. It carries no content: who is woken reads the store from its own cursor, so that a slow
    follower is caught up and a lost wake-up costs a poll, never an event."""

    def publish(self, topics: Sequence[str]) -> None:
        """Wake all who follow one of the topics (run ids; `*` is always woken). Never blocks."""

    def subscribe(self, topic: str, notify: Callable[[], None] | None = None) -> Subscription:
        """Follow a run id or `*`. `notify`, if given, is called on each wake-up, from the thread that brings it."""

    def close(self) -> None:
        """Release what belongs to this process; nobody is woken from elsewhere any more. Idempotent."""
