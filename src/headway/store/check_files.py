"""Are the files there that the store names, and does each folder belong to a run?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from headway.domain.artifacts import Artifact, Checkpoint
from headway.domain.retention import Kept
from headway.domain.runs import Run
from headway.domain.states import ACTIVE, State
from headway.store.codec import find_run
from headway.store.findings import NOTE, Finding
from headway.store.tables import artifacts, checkpoints, log_cursors, runs
from headway.wire.rundir import RunDir, hash_checkpoint, hash_file, verified_step

_BATCH = 1000
_COPY = "copy it back from a backup"

Folders = dict[str, Path]


def list_folders(runs_dir: Path) -> Folders:
    """The folders of runs by name; none where there is no folder of them."""
    if not runs_dir.is_dir():
        return {}
    return {path.name: path for path in runs_dir.iterdir() if path.is_dir()}


def check_files(connection: Connection, runs_dir: Path, folders: Folders, *, deep: bool) -> Iterator[Finding]:
    """Each run against its folder. `deep` hashes every file that has a hash."""
    kept = _read_artifacts(connection)
    saved = _read_checkpoints(connection)
    logs = _read_logs(connection)
    unknown = dict(folders)
    every = connection.execute(
        select(runs.c.id, runs.c.record).order_by(runs.c.id), execution_options={"yield_per": _BATCH}
    )
    for run_id, record in every:
        unknown.pop(run_id, None)
        run = find_run(record)
        if run is None:  # said by who checks the records
            continue
        if run.id not in folders:
            yield from _of_missing_folder(run)
            continue
        folder = RunDir(runs_dir / run.id)
        yield from _of_logs(run, folder, logs[run.id])
        if run.state not in ACTIVE:  # the files of the others are under way
            yield from _of_artifacts(run, folder, kept[run.id], deep=deep)
            yield from _of_checkpoints(run, folder, saved[run.id], deep=deep)
    for name, path in sorted(unknown.items()):
        remedy = "it is of a run that was submitted after the backup was made: look into it, then delete it"
        yield Finding("folders", str(path), f"there is no run {name}", remedy, NOTE)


def _of_missing_folder(run: Run) -> Iterator[Finding]:
    """The folder is made when the first attempt starts: a run that was never claimed has none."""
    if run.attempt and run.state is not State.PREFLIGHT:
        yield Finding("folders", run.id, "it has no run directory", _COPY)


def _of_logs(run: Run, folder: RunDir, read: dict[int, int]) -> Iterator[Finding]:
    """A log must not be shorter than what was read of it."""
    if Kept.LOGS.value in run.removed:
        return
    for attempt, offset_bytes in read.items():
        path = folder.attempt(attempt).events
        size = path.stat().st_size if path.is_file() else 0
        if size < offset_bytes:
            found = f"{folder.relative(path)} has {size} bytes, the store has read {offset_bytes}"
            if run.ended:  # all of it is in the store
                yield Finding("files", run.id, found, "nothing is lost: its lines are in the store", NOTE)
            else:
                remedy = "new lines would be passed over: cancel the run, and resume it"
                yield Finding("files", run.id, found, remedy)


def _of_artifacts(run: Run, folder: RunDir, kept: list[Artifact], *, deep: bool) -> Iterator[Finding]:
    for artifact in kept:
        found = _compare(folder.path / artifact.path, artifact, deep=deep)
        if found is None:
            continue
        if run.state is State.DONE:
            yield Finding("files", run.id, f"{artifact.path} {found}", _COPY)
        else:  # an attempt may have been killed after it wrote the file anew and before it said so
            remedy = f"nothing needs it: the run is {run.state}"
            yield Finding("files", run.id, f"{artifact.path} {found}", remedy, NOTE)


def _compare(path: Path, artifact: Artifact, *, deep: bool) -> str | None:
    if not path.is_file():
        return "is not there"
    size = path.stat().st_size
    if size != artifact.size_bytes:
        return f"has {size} bytes, {artifact.size_bytes} were saved"
    if deep and hash_file(path) != artifact.sha256:
        return "does not have the hash that was saved"
    return None


def _of_checkpoints(run: Run, folder: RunDir, saved: list[Checkpoint], *, deep: bool) -> Iterator[Finding]:
    """Trainings prune old checkpoints: only of the newest it is said when it is not there."""
    for place, checkpoint in enumerate(saved):
        path = folder.path / checkpoint.path
        if path.is_dir():
            found = _verify(path, checkpoint, deep=deep)
        else:
            found = None if place else "is not there, and it is the newest"
        if found is not None:
            yield _bad_checkpoint(run, f"{checkpoint.path} {found}")


def _verify(path: Path, checkpoint: Checkpoint, *, deep: bool) -> str | None:
    """What is wrong. Sealed anew by an attempt that was killed before it said so, a checkpoint is still whole."""
    try:
        if hash_checkpoint(path) == checkpoint.sha256 and not deep:
            return None
    except FileNotFoundError:
        return "has no marker"
    return None if verified_step(path) is not None else "has files that do not have the hashes of its marker"


def _bad_checkpoint(run: Run, found: str) -> Finding:
    if run.state is State.DONE:
        return Finding("files", run.id, found, "nothing needs it: the run is done", NOTE)
    return Finding("files", run.id, found, f"{_COPY}; a resume takes the one before it, else the start")


def _read_artifacts(connection: Connection) -> defaultdict[str, list[Artifact]]:
    found: defaultdict[str, list[Artifact]] = defaultdict(list)
    for row in connection.execute(select(artifacts).order_by(artifacts.c.run_id, artifacts.c.path)):
        found[row.run_id].append(Artifact(row.path, row.kind, row.size_bytes, row.sha256))
    return found


def _read_checkpoints(connection: Connection) -> defaultdict[str, list[Checkpoint]]:
    """Newest first."""
    found: defaultdict[str, list[Checkpoint]] = defaultdict(list)
    for row in connection.execute(select(checkpoints).order_by(checkpoints.c.step.desc())):
        found[row.run_id].append(Checkpoint(row.path, row.step, row.size_bytes, row.sha256))
    return found


def _read_logs(connection: Connection) -> defaultdict[str, dict[int, int]]:
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for row in connection.execute(select(log_cursors)):
        found[row.run_id][row.attempt] = row.offset_bytes
    return found
