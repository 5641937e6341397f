"""An executor without processes: a test says what it sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from headway.domain.clock import format_utc
from headway.domain.errors import Conflict, NotFound
from headway.ports import Sighting
from headway.wire.attempts import ExitRecord, Launch, StopRequest
from tests.factories import T0

Attempt = tuple[str, int]


@dataclass
class FakeExecutor:
    """The port Executor. An attempt that was started is alive until a test says otherwise."""

    name: str = "local"
    launches: dict[Attempt, Launch] = field(default_factory=dict)
    sightings: dict[Attempt, Sighting] = field(default_factory=dict)
    cancels: list[tuple[Attempt, StopRequest]] = field(default_factory=list)
    buried: list[Attempt] = field(default_factory=list)
    refusal: Exception | None = None  # raised by `start` while it is set
    starts: int = 0  # calls of `start`, those that found the attempt started among them
    closed: bool = False

    def start(self, launch: Launch) -> None:
        self.starts += 1
        if self.refusal is not None:
            raise self.refusal
        attempt = (launch.run_id, launch.attempt)
        if attempt not in self.sightings:
            self.launches[attempt] = launch
            self.sightings[attempt] = Sighting(alive=True, heartbeat_at=None, exit=None)

    def observe(self, run_id: str, attempt: int) -> Sighting:
        if (run_id, attempt) not in self.sightings:
            raise NotFound(f"attempt {attempt} of {run_id} was never started")
        return self.sightings[run_id, attempt]

    def cancel(self, run_id: str, attempt: int, request: StopRequest) -> None:
        self.cancels.append(((run_id, attempt), request))

    def bury(self, run_id: str, attempt: int) -> ExitRecord:
        seen = self.sightings.get((run_id, attempt))
        if seen is not None and seen.exit is not None:
            return seen.exit
        if seen is not None and seen.alive:
            raise Conflict(f"attempt {attempt} of {run_id} is alive")
        self.buried.append((run_id, attempt))
        proof = make_exit(by="executor", note="the supervisor is gone")
        self.end(run_id, attempt, proof)
        return proof

    def close(self) -> None:
        self.closed = True

    def beat(self, run_id: str, attempt: int, at: datetime) -> None:
        """The supervisor is alive and has said so at that moment."""
        self.sightings[run_id, attempt] = Sighting(alive=True, heartbeat_at=at, exit=None)

    def vanish(self, run_id: str, attempt: int) -> None:
        """The supervisor is gone and has left no proof."""
        self.sightings[run_id, attempt] = Sighting(alive=False, heartbeat_at=None, exit=None)

    def cut_off(self, run_id: str, attempt: int) -> None:
        """The host cannot be reached: nothing is known."""
        self.sightings[run_id, attempt] = Sighting(alive=None, heartbeat_at=None, exit=None)

    def end(self, run_id: str, attempt: int, proof: ExitRecord) -> None:
        """Nothing of the attempt is alive, and there is proof."""
        self.sightings[run_id, attempt] = Sighting(alive=False, heartbeat_at=None, exit=proof)


def make_exit(**changes: object) -> ExitRecord:
    """The exit of an attempt that ended by itself, with what matters to the test set by name."""
    values = {
        "code": 0,
        "signal": None,
        "verb": None,
        "by": "supervisor",
        "started_at": format_utc(T0),
        "ended_at": format_utc(T0),
        "runtime_s": 10.0,
        **changes,
    }
    return ExitRecord(**values)  # type: ignore[arg-type]
