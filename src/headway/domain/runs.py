"""The record of a run, as the store keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from headway.domain.progress import Progress
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.domain.states import State, is_terminal


@dataclass(frozen=True)
class Run:
    """One training, from submit to end. All times are aware UTC."""

    id: str
    spec: Spec
    owner: str  # fingerprint of the secret that made it
    state: State
    created_at: datetime
    series: str = ""  # runs of one series are generations of one another; the engine's config decides
    attempt: int = 0  # number of the current attempt; 0 before the first
    started_at: datetime | None = None  # when training first began
    finished_at: datetime | None = None
    reason: Reason | None = None
    error: str | None = None
    cancel_requested_at: datetime | None = None
    contact_lost_since: datetime | None = None  # newest heartbeat when contact was lost
    progress: Progress = field(default_factory=Progress)
    latest: dict[str, float] = field(default_factory=dict)  # newest value of each metric
    best: dict[str, float] = field(default_factory=dict)  # where it is known which way is better
    result: Result | None = None
    retries: int = 0  # attempts lost since the run was last queued by a person
    spent_s: float = 0.0  # runtime of the attempts that have ended
    event_seq: int = 0  # number of kept events; the newest one's seq
    name: str = ""  # what people call it; may be changed, also after the end
    tags: tuple[str, ...] = ()
    notes: str = ""
    removed: dict[str, str] = field(default_factory=dict)  # when retention took logs, metrics, checkpoints

    def evolve(self, **changes: Any) -> Run:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @property
    def ended(self) -> bool:
        return is_terminal(self.state)
