"""Wake-ups within this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

_log = structlog.get_logger("headway.bus")

EVERYTHING = "*"


class LocalBus:
    """Wakes followers in other threads. Who is woken looks into the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[str, set[LocalSubscription]] = {}

    def publish(self, topics: Sequence[str]) -> None:
        with self._lock:
            woken = {
                follower for topic in (*topics, EVERYTHING) for follower in self._followers.get(topic, ())
            }
        for follower in woken:
            try:
                follower.wake()
            except RuntimeError as error:  # its event loop has ended; the others are woken all the same
                _log.warning("a follower could not be woken", error=str(error))

    def wake_all(self) -> None:
        """Wake every follower, whatever it follows: something may have been missed."""
        with self._lock:
            topics = list(self._followers)
        self.publish(topics)

    def subscribe(self, topic: str, notify: Callable[[], None] | None = None) -> LocalSubscription:
        subscription = LocalSubscription(self, topic, notify)
        with self._lock:
            self._followers.setdefault(topic, set()).add(subscription)
        return subscription

    def close(self) -> None:
        """Nothing is held that had to be released."""

    def forget(self, topic: str, subscription: LocalSubscription) -> None:
        """Wake it no more; quiet when it is not known."""
        with self._lock:
            followers = self._followers.get(topic, set())
            followers.discard(subscription)
            if not followers:
                self._followers.pop(topic, None)


class LocalSubscription:
    """One follower of a topic."""

    def __init__(self, bus: LocalBus, topic: str, notify: Callable[[], None] | None) -> None:
        self._bus = bus
        self._topic = topic
        self._notify = notify
        self._woken = threading.Event()

    def wake(self) -> None:
        if not self._woken.is_set():  # to set it takes a lock
            self._woken.set()
        if self._notify is not None:
            self._notify()

    def wait(self, timeout_s: float) -> bool:
        woken = self._woken.wait(timeout_s)
        self._woken.clear()
        return woken

    def close(self) -> None:
        self._bus.forget(self._topic, self)
