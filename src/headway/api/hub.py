"""One reader for all watchers of a run: what is new is read once, encoded once, and shared.

A hub keeps the newest messages. A watcher that is further back than these reads the store for itself until it has come
as far as the hub, so that nobody's slowness makes anything grow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from headway.api.frames import encode_final, encode_told
from headway.api.streams import Bell, Closing
from headway.control.context import Context
from headway.control.cursor import Cursor
from headway.control.live import Batch, LiveReader, begin_now
from headway.domain.errors import StoreUnavailable

_log = structlog.get_logger("headway.hub")

MAX_FRAMES = 4096
MAX_BYTES = 4 << 20
_LOOK_EVERY_S = 0.05  # at the console, which rings no bell
_WRITE_BYTES = 64 << 10
_ASK_EVERY_S = 1.0  # the store, in case a bell was not heard
# Threads for watchers that begin: all that do after a restart would take one each, and its memory.
_READERS = 4


class Hub:
    """The newest messages of a run, by number, and how far they lead."""

    def __init__(self, context: Context, run_id: str, closing: Closing, readers: CapacityLimiter) -> None:
        self.context = context
        self.readers = readers  # of watchers that read the store for themselves
        self.run_id = run_id
        self.cursor = Cursor()  # behind the newest message
        self.first = 0  # number of the oldest message that is kept
        self.final: bytes | None = None  # the last message, once all others are there
        self.over = False  # nothing comes any more
        self.watchers = 0
        self._closing = closing
        self._kept: deque[tuple[bytes, Cursor]] = deque()
        self._kept_bytes = 0
        self._news = False
        self._changed = asyncio.Event()
        self._looked = asyncio.Event()

    @property
    def end(self) -> int:
        """The number that the next message will have."""
        return self.first + len(self._kept)

    def get_from(self, number: int) -> tuple[bytes, int, Cursor]:
        """Messages that are kept, from a number on: as many as one write may hold, the number behind them, and the
        cursor. There is one at least."""
        frames, size = [], 0
        while number < self.end and size < _WRITE_BYTES:
            frame, cursor = self._kept[number - self.first]
            frames.append(frame)
            size, number = size + len(frame), number + 1
        return b"".join(frames), number, cursor

    async def wait(self) -> None:
        """Until there are messages, or nothing comes any more."""
        await self._changed.wait()

    async def wait_for_look(self) -> None:
        """Until all that is there by now has been read."""
        for _ in range(2):  # a look that is under way has begun before
            if not self.over:
                await self._looked.wait()

    async def run(self) -> None:
        """Read on while somebody watches, until the run has ended or the server is about to."""
        try:
            with Bell(self.context, self.run_id, self._closing) as bell:
                await self._read(bell)
        except Exception:
            _log.exception("a hub broke", run_id=self.run_id)
            raise
        finally:
            self.over = True
            self._tell(looked=True)

    async def _read(self, bell: Bell) -> None:
        _, self.cursor = await run_sync(begin_now, self.context, self.run_id)
        reader = await run_sync(LiveReader, self.context, self.run_id, self.cursor)
        loop = asyncio.get_running_loop()
        fresh, asked_at = True, loop.time()
        while not bell.closed and self.final is None:
            fresh = fresh or loop.time() - asked_at >= _ASK_EVERY_S
            asked_at = loop.time() if fresh else asked_at
            try:
                batch, frames = await run_sync(_read_on, reader, fresh)
            except StoreUnavailable as error:
                _log.warning("cannot read on, trying again", run_id=self.run_id, error=str(error))
                await bell.wait(_ASK_EVERY_S)
                continue
            self._keep(frames, batch, reader.cursor)
            self._tell(looked=fresh and not batch.more)
            fresh = batch.more or await bell.wait(_LOOK_EVERY_S)

    def _keep(self, frames: list[tuple[bytes, Cursor]], batch: Batch, cursor: Cursor) -> None:
        self._kept.extend(frames)
        self._kept_bytes += sum(len(frame) for frame, _ in frames)
        while len(self._kept) > MAX_FRAMES or self._kept_bytes > MAX_BYTES:
            self._kept_bytes -= len(self._kept.popleft()[0])
            self.first += 1
        self.cursor = cursor
        if batch.final:
            self.final = encode_final(batch.run, cursor)
        self._news = bool(frames) or batch.final

    def _tell(self, *, looked: bool) -> None:
        if self._news or self.over:
            self._changed.set()
            self._changed = asyncio.Event()
        if looked:
            self._looked.set()
            self._looked = asyncio.Event()


@dataclass
class Hubs:
    """The hubs of the runs that are watched."""

    context: Context
    closing: Closing
    readers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_READERS))
    _open: dict[str, tuple[Hub, asyncio.Task[None]]] = field(default_factory=dict)

    @asynccontextmanager
    async def join(self, run_id: str) -> AsyncIterator[Hub]:
        """The hub of a run, for as long as one watches; the last to leave ends it."""
        hub, task = self._find(run_id)
        hub.watchers += 1
        try:
            yield hub
        finally:
            hub.watchers -= 1
            if not hub.watchers:
                task.cancel()
                if self._open.get(run_id) == (hub, task):
                    del self._open[run_id]

    def _find(self, run_id: str) -> tuple[Hub, asyncio.Task[None]]:
        found = self._open.get(run_id)
        if found is None or found[0].over or found[0].final is not None:
            hub = Hub(self.context, run_id, self.closing, self.readers)
            found = (hub, asyncio.create_task(hub.run(), name=f"hub {run_id}"))
            self._open[run_id] = found
        return found


def _read_on(reader: LiveReader, fresh: bool) -> tuple[Batch, list[tuple[bytes, Cursor]]]:
    batch = reader.read(fresh=fresh)
    encoded = ((encode_told(told, batch.run), told.cursor) for told in batch.told)
    return batch, [(frame, cursor) for frame, cursor in encoded if frame is not None]
