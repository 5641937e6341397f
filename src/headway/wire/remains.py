"""What the dead leave half written: found by name, known to be theirs by its age, removed. Standard library only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from headway.wire.rundir import AttemptDir, RunDir

_HALF_WRITTEN = (".*.partial", ".supervisor.*")
_DRAFTS = ".draft-*"


def sweep_remains(run: RunDir, attempt: AttemptDir) -> int:
    """Remove half-written files and unfinished checkpoints of an attempt whose death is proven; how many there were.

    Only what is not younger than the proof is the dead attempt's: what the next one writes is never touched. Without a
    proof on this disk nothing is removed. `control/` is left alone: its writers are alive, and ask without a proof.
    """
    with suppress(FileNotFoundError):
        died_ns = attempt.exit.stat().st_mtime_ns
        found = [place for place in _half_written(run, attempt) if _changed_ns(place) <= died_ns]
        for place in found:
            _remove(place)
        return len(found)
    return 0


def _half_written(run: RunDir, attempt: AttemptDir) -> Iterator[Path]:
    for folder in (run.path, attempt.path):
        for pattern in _HALF_WRITTEN:
            yield from folder.glob(pattern)
    yield from run.checkpoints.glob(_DRAFTS)


def _changed_ns(place: Path) -> int:
    return max(inner.stat().st_mtime_ns for inner in (place, *place.rglob("*")))


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
