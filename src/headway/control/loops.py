"""The loops of the service half: named threads that step until they are told to stop.

A loop that breaks stops the service: a server that looks alive but no longer watches its runs would lie.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from headway.control.context import Context
from headway.control.dispatch import claim_next, start_or_close
from headway.control.follow import OutboxReader
from headway.control.watch import Watcher
from headway.domain.errors import StoreUnavailable

_log = structlog.get_logger("headway.loops")

_ACTIVE_PAUSE_S = 0.05  # between two looks at running attempts
_IDLE_PAUSE_S = 1.0
_RETRY_PAUSE_S = 1.0
_REST_S = 0.02
_SIDE_REST_S = 0.1
_SIDE_PAUSE_S = 30.0


@dataclass
class Loop:
    """Calls `step` in a thread of its own; `step` returns the seconds to wait, which a wake-up cuts short.

    So long as `rest_s` lies between two steps, however often it is woken: a burst of wake-ups makes few steps, and one
    that comes alone makes its step at once.
    """

    name: str
    step: Callable[[], float]
    on_broken: Callable[[str, BaseException], None]
    rest_s: float = 0.0
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._turn, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        if not self._wake.is_set():  # to set it takes a lock
            self._wake.set()

    def stop(self) -> None:
        """Ask the loop to end after its current step."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the loop to end; False when it is still at work."""
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _turn(self) -> None:
        while not self._stopping.is_set():
            try:
                pause_s = self.step()
            except StoreUnavailable as error:
                _log.warning("store unavailable, trying again", loop=self.name, error=str(error))
                pause_s = _RETRY_PAUSE_S
            except Exception as error:  # noqa: BLE001  (a dead loop stops the service, whatever killed it)
                _log.exception("loop broke", loop=self.name)
                self.on_broken(self.name, error)
                return
            rested_at = time.monotonic() + self.rest_s
            if self._wake.wait(pause_s):
                self._stopping.wait(max(rested_at - time.monotonic(), 0.0))
            self._wake.clear()


def make_dispatch_loop(
    context: Context,
    watcher: Watcher,
    on_broken: Callable[[str, BaseException], None],
    *,
    on_claim: Callable[[], None] = lambda: None,
) -> Loop:
    """Claims and starts runs as slots become free; woken by every change of any run. `on_claim` is told of each."""

    def step() -> float:
        while (claim := claim_next(context, watcher.token)) is not None:
            _log.info("run claimed", run_id=claim.run.id, attempt=claim.run.attempt)
            start_or_close(watcher.context, claim.run, claim.gpus)
            on_claim()
        return _IDLE_PAUSE_S

    loop = Loop("dispatch", step, on_broken, rest_s=_REST_S)
    context.bus.subscribe("*", loop.wake)
    return loop


def make_watch_loop(watcher: Watcher, on_broken: Callable[[str, BaseException], None]) -> Loop:
    """Follows active runs; sleeps while there are none, until it is woken for one that was claimed."""
    return Loop("watch", lambda: _ACTIVE_PAUSE_S if watcher.step() else _IDLE_PAUSE_S, on_broken)


def make_outbox_loop(reader: OutboxReader, on_broken: Callable[[str, BaseException], None]) -> Loop:
    """Hands events to a subscriber of the outbox, once a second: its cursor is a write, and many events make one."""

    def step() -> float:
        while reader.step():
            pass
        return _IDLE_PAUSE_S

    return Loop(reader.subscriber, step, on_broken)


def make_side_loop(context: Context, name: str, step: Callable[[], float]) -> Loop:
    """A loop whose failure must harm nobody: it is told in the log, and the loop goes on after a pause.

    Woken by every change of any run, it may be late: it rests for longer than the others.
    """

    def guarded() -> float:
        try:
            return step()
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  (whatever it is, runs are none the worse for it)
            _log.exception("loop failed, trying again", loop=name)
            return _SIDE_PAUSE_S

    loop = Loop(name, guarded, lambda _name, _error: None, rest_s=_SIDE_REST_S)
    context.bus.subscribe("*", loop.wake)
    return loop
