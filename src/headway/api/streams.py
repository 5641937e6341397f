"""Server-Sent Events of a run: kept events with their numbers, progress in between, one `end`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from anyio.to_thread import run_sync

from headway.api.views import to_event, to_progress
from headway.control.context import Context
from headway.control.follow import News, read_news
from headway.control.query import RunView, get_view
from headway.domain.runs import Run
from headway.ports import Subscription

KEEP_ALIVE_S = 15.0
_PROGRESS_EVERY_S = 0.2


class Closing:
    """Tells open streams that the server is about to end; set from any thread."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()
        self.closed = False

    def close(self) -> None:
        self.closed = True
        for bell in list(self._bells):
            bell.ring()

    def add(self, bell: Bell) -> None:
        self._bells.add(bell)

    def discard(self, bell: Bell) -> None:
        self._bells.discard(bell)


class Bell:
    """Wakes a coroutine from other threads, when something of a run may have changed."""

    def __init__(self, context: Context, run_id: str, closing: Closing) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._closing = closing
        self._subscription: Subscription = context.bus.subscribe(run_id, self.ring)
        closing.add(self)

    def __enter__(self) -> Bell:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.discard(self)
        self._subscription.close()

    @property
    def closed(self) -> bool:
        """Whether the server is about to end."""
        return self._closing.closed

    def ring(self) -> None:
        self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the bell; False after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


@dataclass(frozen=True)
class Following:
    """What a follower asked for."""

    run_id: str
    after_seq: int
    follow: bool  # False: only what is there by now


async def follow_run(context: Context, asked: Following, closing: Closing) -> AsyncIterator[bytes]:
    """The frames of a stream, until the run has ended or the server is about to."""
    seq, shown, shown_at = asked.after_seq, b"", float("-inf")
    with Bell(context, asked.run_id, closing) as bell:
        while not bell.closed:
            news = await run_sync(read_news, context, asked.run_id, seq)
            for event in news.events:
                seq = event.seq
                yield _frame(event.kind.value, to_event(event), seq)
            if news.final:
                yield _end(news.run)
                return
            if news.events:
                continue
            # Events are told at once; progress now and then, and the last of it too.
            now = asyncio.get_running_loop().time()
            held_s = max(shown_at + _PROGRESS_EVERY_S - now, 0.0)
            if not held_s:
                frame = await _progress(context, news)
                if frame != shown:
                    shown, shown_at = frame, now
                    yield frame
            if not asked.follow:
                return
            if not await bell.wait(held_s or KEEP_ALIVE_S) and not held_s:
                yield b": keep-alive\n\n"


async def until_ended(context: Context, run_id: str, closing: Closing) -> Run:
    """The run once it has ended, or as it stands when the server is about to end."""
    with Bell(context, run_id, closing) as bell:
        while True:
            run = (await run_sync(read_news, context, run_id, 0)).run
            if run.ended or bell.closed:
                return run
            await bell.wait(KEEP_ALIVE_S)


async def _progress(context: Context, news: News) -> bytes:
    view: RunView = await run_sync(get_view, context, news.run.id)
    return _frame("progress", to_progress(view))


def _end(run: Run) -> bytes:
    return _frame("end", {"state": run.state.value, "reason": run.reason.value if run.reason else None})


def _frame(event: str, data: dict[str, object], seq: int | None = None) -> bytes:
    number = f"id: {seq}\n" if seq is not None else ""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{number}event: {event}\ndata: {text}\n\n".encode()
