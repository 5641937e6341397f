"""One watcher of a run: first on its own until it has come as far as the hub, then with all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from anyio.to_thread import run_sync

from headway.api.frames import encode_told
from headway.api.hub import Hub
from headway.control.cursor import Cursor
from headway.control.live import LiveReader
from headway.domain.errors import InvalidInput

SendFrames = Callable[[bytes], Awaitable[None]]  # waits while the reader does not read


async def follow(hub: Hub, cursor: Cursor, send: SendFrames) -> bool:
    """Send all behind a cursor; True once the run has ended and all is told, False when the hub ended before.

    InvalidInput for a cursor that lies ahead of the run.
    """
    number, cursor = await _catch_up(hub, cursor, send)
    while True:
        if number < hub.first:  # what comes next is kept no more
            number, cursor = await _catch_up(hub, cursor, send)
        elif number < hub.end:
            frames, number, cursor = hub.get_from(number)
            await send(frames)
        elif hub.final is not None:
            await send(hub.final)
            return True
        elif hub.over:
            return False
        else:
            await hub.wait()


async def _catch_up(hub: Hub, cursor: Cursor, send: SendFrames) -> tuple[int, Cursor]:
    """Read the store until exactly where the hub is now; the number of the message to go on with, and the cursor.

    The hub goes on meanwhile: to read until where it is then could take for ever, as many do so and few at a time.
    """
    await hub.wait_for_look()
    target, number = hub.cursor, hub.end
    reader = await run_sync(LiveReader, hub.context, hub.run_id, cursor, limiter=hub.readers)
    while reader.cursor != target and (hub.final is not None or not hub.over):
        if not target.reaches(reader.cursor):
            raise InvalidInput(
                "after", cursor.encode(), "it lies ahead of the run", remedy="Leave it out to begin now"
            )
        before = reader.cursor
        for frame in await run_sync(_read_until, reader, target, limiter=hub.readers):
            await send(frame)
        if reader.cursor == before:  # a file is shorter than it was
            raise InvalidInput(
                "after", cursor.encode(), "what follows it is gone", remedy="Leave it out to begin now"
            )
    return number, reader.cursor


def _read_until(reader: LiveReader, target: Cursor) -> list[bytes]:
    batch = reader.read(target)
    encoded = (encode_told(told, batch.run) for told in batch.told)
    return [frame for frame in encoded if frame is not None]
