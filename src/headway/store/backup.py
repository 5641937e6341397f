"""Copy a store while it is in use: a SQLite database by its backup interface, PostgreSQL by `pg_dump`.

A copy is made beside its place under another name, verified, synced, and then put into place whole.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from headway.domain.errors import Conflict, NotFound, StoreUnavailable
from headway.store.check import check_store
from headway.store.findings import Report
from headway.store.opening import database_file, parse_url
from headway.store.postgres import connection_arguments
from headway.wire.rundir import sync_folder

_SQLITE_NAME = "headway.db"
_POSTGRES_NAME = "headway.dump"
_OWNER_ONLY = 0o600
_UNFINISHED = ("*.partial", ".draft-*", ".supervisor.*", ".folder-id-*")
_SMALL = ("folder-id", "admin-secret")
_FOLDERS = ("runs", "candles")


@dataclass(frozen=True)
class Backup:
    """What was written. `report` is of the copy; None where a dump cannot be looked into."""

    path: Path
    size_bytes: int
    files: int
    report: Report | None


def back_up(url: str, path: Path, *, data_dir: Path | None = None, force: bool = False) -> Backup:
    """Copy the database to `path`; with a data folder, everything of that folder too, as one tar.

    The database comes first: it remembers how far each log was read, and a log that is longer is read on.
    Raises Conflict when `path` is there and not to be replaced, NotFound, StoreUnavailable when the copy is not sound
    or a file can be neither read nor written.
    """
    if path.exists() and not force:
        raise Conflict(f"{path} is there already: choose another name, or say --force")
    if not path.parent.is_dir():
        raise NotFound(f"there is no folder {path.parent}: make it first")
    try:
        return _back_up(url, path, data_dir, force=force)
    except OSError as error:
        raise StoreUnavailable(f"no backup was made: {error}") from error


def _back_up(url: str, path: Path, data_dir: Path | None, *, force: bool) -> Backup:
    with _beside(path) as database:
        report = _copy_database(url, database)
        if data_dir is None:
            _put(database, path, force=force)
            return Backup(path, path.stat().st_size, 0, report)
        name = _POSTGRES_NAME if report is None else _SQLITE_NAME
        with _beside(path) as archive:
            files = _pack(archive, database, name, data_dir)
            _put(archive, path, force=force)
    return Backup(path, path.stat().st_size, files, report)


def dump_command(url: str, path: Path) -> tuple[list[str], dict[str, str]]:
    """How to copy a PostgreSQL database: the command, and in variables what a list of processes may not show.

    Raises StoreUnavailable for `sslpassword`, for which there is no variable.
    """
    arguments = {
        name: value for name, value in connection_arguments(parse_url(url)).items() if name != "context"
    }
    if "sslpassword" in arguments:
        raise StoreUnavailable(
            "the list of processes would show sslpassword, which pg_dump takes from no variable: put it into "
            "a service file (PGSERVICEFILE), and ?service=NAME into HEADWAY_DATABASE_URL"
        )
    password = arguments.pop("password", None)
    conninfo = import_module("psycopg.conninfo").make_conninfo(**arguments)
    command = ["pg_dump", "--format=custom", f"--file={path}", f"--dbname={conninfo}"]
    return command, {"PGPASSWORD": str(password)} if password else {}


def _copy_database(url: str, copy: Path) -> Report | None:
    source = database_file(url)
    if source is None:
        _dump(url, copy)
        return None
    if not source.is_file():
        raise NotFound(
            f"there is no database {source}: set HEADWAY_DATA_DIR or HEADWAY_DATABASE_URL to where it is"
        )
    _copy_sqlite(source, copy)
    report = check_store(f"sqlite:///{copy}", None)
    if not report.ok:
        first = report.findings[0]
        raise StoreUnavailable(
            f"the copy is not sound, and is not kept: {first.about}: {first.found}. See `headway store check`; "
            f"to keep one as it is: sqlite3 {source} \".backup 'copy.db'\""
        )
    return report


def _copy_sqlite(source: Path, copy: Path) -> None:
    """All pages in one step: one snapshot, and who writes meanwhile is not held up."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
            closing(sqlite3.connect(copy)) as writer,
        ):
            reader.backup(writer, pages=-1)
            writer.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    except sqlite3.DatabaseError as error:
        raise StoreUnavailable(f"the database cannot be copied: {error}") from error


def _dump(url: str, copy: Path) -> None:
    command, secret = dump_command(url, copy)
    if shutil.which("pg_dump") is None:
        shown = " ".join([*command[:2], "--file=PATH", f"'{command[3]}'"])
        raise StoreUnavailable(f"pg_dump is not on the path. Install PostgreSQL's client, or run: {shown}")
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, **secret}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StoreUnavailable(f"pg_dump failed: {done.stderr.strip()}")


def _pack(archive: Path, database: Path, name: str, data_dir: Path) -> int:
    """Everything of a data folder as a tar; how many files. What vanishes meanwhile was pruned, and is left out."""
    files = 1
    with tarfile.open(archive, "w") as tar:
        tar.add(database, name)
        for path in _files_of(data_dir):
            files += _add(tar, path, path.relative_to(data_dir).as_posix())
    return files


def _files_of(data_dir: Path) -> Iterator[Path]:
    yield from (data_dir / name for name in _SMALL)
    for folder in _FOLDERS:
        yield from _walk(data_dir / folder)


def _walk(folder: Path) -> Iterator[Path]:
    """Result before artifacts, exit before log: what says that something is whole comes before it."""
    for parent, folders, names in os.walk(folder, onerror=_unless_gone):
        folders[:] = sorted(_finished(folders))
        yield from (Path(parent, name) for name in sorted(_finished(names), reverse=True))


def _finished(names: list[str]) -> list[str]:
    return [name for name in names if not any(fnmatchcase(name, each) for each in _UNFINISHED)]


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _add(tar: tarfile.TarFile, path: Path, name: str) -> int:
    """As long as it is when it is opened: a log that grows is cut, and read on after a restore."""
    if not path.is_file():
        return 0
    try:
        with path.open("rb") as file:
            tar.addfile(tar.gettarinfo(arcname=name, fileobj=file), _Filled(file))
    except FileNotFoundError:
        return 0
    return 1


class _Filled:
    """A file that is never too short: empty lines follow what is left of a console that is cut while it is copied."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size).ljust(size, b"\n")


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file for its owner alone, in the folder of `path`; gone afterwards unless it was put into place."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _put(partial: Path, path: Path, *, force: bool) -> None:
    sync_folder(partial)
    if force:
        partial.replace(path)
    else:
        try:
            path.hardlink_to(partial)  # unlike a rename, it replaces nothing that came meanwhile
        except FileExistsError as error:
            raise Conflict(f"{path} is there already: choose another name, or say --force") from error
        partial.unlink()
    sync_folder(path.parent)
