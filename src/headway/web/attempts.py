"""How often somebody may try a secret. In memory: who restarts the server may as well read its secret."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_WINDOW = timedelta(minutes=5)
_MAX_FAILURES = 10  # of one address within the window
_MAX_ADDRESSES = 10_000


@dataclass
class Failures:
    """Failed attempts by address. Not for threads: asked and told from one event loop."""

    _by_address: dict[str, deque[datetime]] = field(default_factory=dict)

    def wait_s(self, address: str, now: datetime) -> int:
        """Seconds until an address may try again; 0 when it may now."""
        recent = self._recent(address, now)
        if not recent:
            self.forget(address)
        if len(recent) < _MAX_FAILURES:
            return 0
        return max(int((recent[0] + _WINDOW - now).total_seconds()), 1)

    def note(self, address: str, now: datetime) -> None:
        """One more failure. The oldest addresses are forgotten where there are very many."""
        recent = self._recent(address, now)
        recent.append(now)
        self._by_address[address] = recent
        while len(self._by_address) > _MAX_ADDRESSES:
            self._by_address.pop(next(iter(self._by_address)))

    def forget(self, address: str) -> None:
        self._by_address.pop(address, None)

    def _recent(self, address: str, now: datetime) -> deque[datetime]:
        found = self._by_address.get(address) or deque(maxlen=_MAX_FAILURES)
        while found and now - found[0] > _WINDOW:
            found.popleft()
        return found
