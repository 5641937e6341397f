"""The sockets of what runs trainings, and of what the service asks of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from headway.domain.coverage import Coverage, DatasetCheck
from headway.wire.attempts import ExitRecord, Launch, StopRequest


@dataclass(frozen=True)
class Sighting:
    """What an executor knows of an attempt now, each part with its evidence.

    `exit` set: the attempt is over and nothing of it is alive. Else `alive` True: its supervisor is held to be
    alive by a proof that cannot be faked by a recycled pid. `alive` False with no exit: the supervisor is gone and
    the attempt must be buried. `alive` None: cannot be known now (host unreachable); contact is lost, nothing more.
    """

    alive: bool | None
    heartbeat_at: datetime | None
    exit: ExitRecord | None


class Executor(Protocol):
    """Where attempts run: makes the run directory grow, and proves death."""

    @property
    def name(self) -> str:
        """The word of `Spec.executor`."""

    def start(self, launch: Launch) -> None:
        """Start an attempt. Idempotent for (run, attempt): called again, nothing is started twice, whether the
        first call's process lives or has ended."""

    def observe(self, run_id: str, attempt: int) -> Sighting:
        """What is known now; never waits."""

    def cancel(self, run_id: str, attempt: int, request: StopRequest) -> None:
        """Ask the attempt to end. Idempotent; quiet when it has ended. Returns before it is dead."""

    def bury(self, run_id: str, attempt: int) -> ExitRecord:
        """After the supervisor is gone: kill whatever is left of the attempt, make sure it can never start, and
        return the proof, which `observe` shows from then on. Idempotent. Raises Conflict when it is alive."""

    def close(self) -> None:
        """Release what belongs to this process. Attempts run on."""


class Predictor(Protocol):
    """Makes forecasts with the model of a finished run."""

    def predict(self, run_dir: Path, data: Path | None, out: Path) -> None:
        """Write a Parquet file of forecasts on a file of candles, on the run's own without one. Waits.
        Busy while another is at work; DataError, with what was said, when there is no file in the end."""


class DataCatalog(Protocol):
    """Are data there for a training?"""

    def rows(self, symbol: str, timeframe: str) -> int | None:
        """Bars available, None when they cannot be counted cheaply; DataError when there are none at all."""

    def coverage(self, source: str, timeframe: str) -> Coverage:
        """What there is of a source (a symbol, or the name of a file) in a timeframe, by cheap counting.
        DataError when there is nothing, or only bars that the timeframe cannot be made from."""

    def check(self, source: str, timeframe: str) -> DatasetCheck | None:
        """What is wrong with the file that `coverage` tells of, all of it read; once, until its time or size change.
        None where the server does not read it: packaged candles, a very large file, no package for tables.
        DataError as in `coverage`."""

    def list_all(self) -> Sequence[Coverage]:
        """All candles as they are, the user's own by file name first."""


class EngineCatalog(Protocol):
    """Which engines can run here?"""

    def require(self, engine: str) -> None:
        """PreflightFailed, naming what to install, unless the engine can run on this machine."""
