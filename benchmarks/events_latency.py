"""From a line in the log of an attempt to a client that follows the run.

`python -m benchmarks.events_latency [--quick] [--json FILE]`. The benchmark writes the log itself: notes, which are
kept events. The client is Headway's own, over Server-Sent Events.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from tests.e2e.harness import SECRET, Server

from benchmarks.alone import Pace, run_alone
from benchmarks.percentiles import p50, p95
from benchmarks.serving import call, hold_slot, serving
from benchmarks.tables import Measure
from headway.client.jobs import JobsClient
from headway.domain.clock import format_utc, utc_now
from headway.wire.lines import LineKind, encode_line

_BETWEEN_S = (0.05, 0.45)  # so that lines fall anywhere between two looks of the server


def measure(pace: Pace) -> list[Measure]:
    count = pace.choose(60, 12)
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        job_id = hold_slot(server, caller)
        written, received = follow(server, job_id, count)
    delays = [1e3 * (received[number] - written[number]) for number in written if number in received]
    return [
        Measure(
            "event written → client, p95", p95(delays), "ms", 100, note=f"p50 {p50(delays):.0f}; of {count}"
        ),
        Measure("events that did not come", count - len(delays), f"of {count}", 0),
    ]


def follow(server: Server, job_id: str, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """(when each note was written, when it was received), by its text."""
    received: dict[str, float] = {}
    following = threading.Event()

    def listen() -> None:
        with JobsClient(server.url, SECRET) as client:
            for news in client.events(job_id):
                following.set()
                if news.kind == "note_logged":
                    received[news.data["text"]] = time.monotonic()
                if len(received) == count:
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    following.wait(10)
    written = write_notes(server.run_dir(job_id).attempt(1).events, count)
    listener.join(10)
    return written, received


def write_notes(path: Path, count: int) -> dict[str, float]:
    """Append notes, one at a time; when each was written."""
    written: dict[str, float] = {}
    chosen = random.Random(1)
    with path.open("ab", buffering=0) as log:
        for number in range(1, count + 1):
            time.sleep(chosen.uniform(*_BETWEEN_S))  # at times by chance
            data = {"level": "info", "text": str(number)}
            line = encode_line(number, format_utc(utc_now()), LineKind.NOTE, data)
            written[str(number)] = time.monotonic()
            log.write(line)
    return written


if __name__ == "__main__":
    run_alone(measure)
