"""Those who read events while everything is struck: a follower for each run, and readers of the outbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from headway.client.follow import Follower
from headway.client.jobs import JobsClient
from headway.client.pacing import Pacing
from tests.e2e.harness import SECRET
from tests.faults.house import House

_PACING = Pacing(first_s=0.02, cap_s=0.2)
_AGAIN_S = 0.02
_CAUGHT_UP_S = 30.0


@dataclass
class Watch:
    """The client's follower of one run, in a thread, through every restart of the server, until it is closed."""

    house: House
    run_id: str
    told: list[tuple[int, str]] = field(default_factory=list)  # number and kind
    broken: str = ""
    _closed: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"watch {self.run_id}", daemon=True)
        self._thread.start()

    def close(self, last_seq: int) -> Iterable[str]:
        """Wait until all events are told, and stop; what is wrong with those that were told."""
        deadline = time.monotonic() + _CAUGHT_UP_S
        while len(self.told) < last_seq and not self.broken and time.monotonic() < deadline:
            time.sleep(_AGAIN_S)
        self._closed.set()
        if self.broken:
            yield f"its follower broke: {self.broken}"
        if [seq for seq, _ in self.told] != list(range(1, last_seq + 1)):
            yield f"its follower was told {[seq for seq, _ in self.told]} of {last_seq} events"

    def _run(self) -> None:
        try:
            with JobsClient(self.house.doors[-1].url, SECRET, pacing=_PACING) as client:
                while not self._closed.wait(_AGAIN_S):
                    self._follow(client)
        except Exception as error:  # noqa: BLE001  (it must reach the outcome, not the thread's end)
            self.broken = f"{type(error).__name__}: {error}"

    def _follow(self, client: JobsClient) -> None:
        """To the end of the run; it may be resumed afterwards."""
        after = self.told[-1][0] if self.told else 0
        for news in Follower(client, self.run_id, after=after).follow():
            if news.seq is not None:
                self.told.append((news.seq, news.kind))
            if self._closed.is_set():
                return


def broken_in_messages(house: House, run_id: str) -> Iterable[str]:
    """What is wrong with what a receiver of webhooks was told of a run: every event, in order, at least once.

    Each is signed when it is sent, which the receiver checks; sent again it has the same id and the same body.
    """
    assert house.receiver is not None
    kept = [row[0] for row in house.rows("SELECT seq FROM events WHERE run_id = ? ORDER BY seq", run_id)]
    told = [message for message in house.receiver.messages if message.content["data"]["runId"] == run_id]
    bodies = {message.id: message.body for message in told}
    first_times = list(dict.fromkeys(message.content["data"]["seq"] for message in told))
    if first_times != kept:
        yield f"a receiver of webhooks was told {first_times} of {kept}"
    if len(bodies) != len(first_times):
        yield f"{len(first_times)} events were told with {len(bodies)} ids"
    if any(message.body != bodies[message.id] for message in told):
        yield "a message that was sent again differs"
    for message in told:
        message.verify(house.hook_secret)


def broken_in_outbox(house: House) -> list[str]:
    """What is wrong with what the readers of the outbox were handed: all of it, in order, at least once."""
    kept = house.rows("SELECT position, run_id, seq FROM events ORDER BY position")
    positions = [row[0] for row in kept]
    found = [] if positions == list(range(1, len(kept) + 1)) else [f"positions are not 1 to {len(kept)}"]
    for door in house.doors:
        lines = door.outbox.read_text().splitlines() if door.outbox.exists() else []
        handed = [(int(position), run_id, int(seq)) for position, run_id, seq in map(str.split, lines)]
        first_times = list(dict.fromkeys(handed))
        if first_times != [tuple(row) for row in kept]:
            found.append(
                f"a reader of the outbox was handed {len(first_times)} events of {len(kept)}, or others"
            )
    return found
