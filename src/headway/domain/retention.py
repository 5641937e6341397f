"""What may go of a run that has ended, by rules of age. Pure: it chooses, `control/vacuum.py` removes.

A resume needs the newest whole checkpoint of a failed or cancelled run, so that one stays until the run is given up.
The next generation of a series needs the model of the newest done run: an artifact, and no rule takes artifacts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum

from headway.domain.json import JsonObject
from headway.domain.states import RESUMABLE, State, is_terminal


class Kept(StrEnum):
    """What retention can take."""

    LOGS = "logs"
    METRICS = "metrics"
    CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Rules:
    """Ages, counted from the end of a run. None takes nothing."""

    checkpoints: timedelta | None = None
    keep_checkpoints: int = 1  # newest whole ones that stay; a run that can be resumed keeps one at least
    logs: timedelta | None = None
    metrics: timedelta | None = None
    failed: timedelta | None = None  # of failed and cancelled runs all three go, the last checkpoint too

    def reach(self, age: timedelta) -> bool:
        """Whether any of them looks at a run that ended so long ago."""
        return any(
            _is_older(age, limit) for limit in (self.checkpoints, self.logs, self.metrics, self.failed)
        )


@dataclass(frozen=True)
class Item:
    """A file or a folder of a run, relative to the run directory."""

    path: str
    size_bytes: int


@dataclass(frozen=True)
class Holdings:
    """What a run still has."""

    logs: Sequence[Item] = ()
    checkpoints: Sequence[Item] = ()  # newest first
    points: int = 0
    points_bytes: int = 0


@dataclass(frozen=True)
class Removal:
    """What goes of one kind. `points` are those of metrics, which have no paths."""

    kept: Kept
    size_bytes: int
    paths: tuple[str, ...] = ()
    points: int = 0

    def to_json(self) -> JsonObject:
        record = asdict(self)
        return {"size_bytes": record["size_bytes"], "paths": list(self.paths), "points": self.points}


def choose(
    rules: Rules, state: State, age: timedelta, holdings: Holdings, is_whole: Callable[[Item], bool]
) -> list[Removal]:
    """What goes of a run in `state` that ended `age` ago; nothing of one that has not ended.

    `is_whole` verifies a checkpoint. It is asked only as often as checkpoints are to stay.
    """
    if not is_terminal(state):
        return []
    given_up = state in RESUMABLE and _is_older(age, rules.failed)
    chosen = []
    if given_up or _is_older(age, rules.logs):
        chosen.append(_of_files(Kept.LOGS, holdings.logs))
    if given_up or _is_older(age, rules.metrics):
        chosen.append(Removal(Kept.METRICS, holdings.points_bytes, points=holdings.points))
    if given_up or _is_older(age, rules.checkpoints):
        keep = 0 if given_up else max(rules.keep_checkpoints, int(state in RESUMABLE))
        chosen.append(_of_files(Kept.CHECKPOINTS, _spare(holdings.checkpoints, keep, is_whole)))
    return [removal for removal in chosen if removal.paths or removal.points]


def explain_removed(removed: Mapping[str, str], kept: Kept, run_id: str) -> str | None:
    """Why a run has none of something any more; None when retention did not take it."""
    at = removed.get(kept.value)
    return (
        None if at is None else f"the {kept.value} of {run_id} were removed at {at} by `headway store vacuum`"
    )


def _is_older(age: timedelta, limit: timedelta | None) -> bool:
    return limit is not None and age > limit


def _of_files(kept: Kept, items: Sequence[Item]) -> Removal:
    return Removal(kept, sum(item.size_bytes for item in items), tuple(item.path for item in items))


def _spare(checkpoints: Sequence[Item], keep: int, is_whole: Callable[[Item], bool]) -> list[Item]:
    """All but the newest whole ones."""
    going = []
    for item in checkpoints:
        if keep and is_whole(item):
            keep -= 1
        else:
            going.append(item)
    return going
