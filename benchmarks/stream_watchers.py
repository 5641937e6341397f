"""Many watchers in one process: they count what comes and how long it was under way."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import orjson
from websockets.asyncio.client import ClientConnection, connect

_TIMED_EVERY = 10  # of many watchers, each tenth times what comes: reading is work too


@dataclass(frozen=True)
class Watched:
    """How many rows each watcher got, and how long they were under way."""

    rows: list[int]
    delays_ms: list[float]


def watch_all(pipe: Connection, address: str, headers: dict[str, str], count: int) -> None:
    """Open so many connections, say `ready`, read each until the last note, then send what was found."""
    rows, delays = asyncio.run(_watch_all(pipe, address, headers, count))
    pipe.send(json.dumps([rows, delays]))


async def _watch_all(
    pipe: Connection, address: str, headers: dict[str, str], count: int
) -> tuple[list[int], list[float]]:
    opened = [
        await connect(address, additional_headers=headers, compression=None, proxy=None) for _ in range(count)
    ]
    for connection in opened:
        await _pass_picture(connection)
    pipe.send("ready")
    delays: list[float] = []
    timed = max(count // _TIMED_EVERY, 1)
    rows = await asyncio.gather(
        *(_read(each, delays if at < timed else None) for at, each in enumerate(opened))
    )
    return list(rows), delays


async def _pass_picture(connection: ClientConnection) -> None:
    """The status, and the newest metrics where there are some."""
    while True:
        message = orjson.loads(await connection.recv())
        if message["event_type"] == "metrics" or message["cursor"]:
            return


async def _read(connection: ClientConnection, delays: list[float] | None) -> int:
    rows = 0
    async for text in connection:
        now = time.time()
        if '"event_type":"metrics"' in str(text[:40]):
            rows += 1
            if delays is not None:
                delays.append(1e3 * (now - orjson.loads(text)["data"]["series"]["time/written"]))
        elif '"the last"' in str(text):
            break
    return rows
