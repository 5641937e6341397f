"""A private PostgreSQL server: its own folder, a socket in it, nothing on the network, gone with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from headway.store.opening import open_store
from tests.waiting import PATIENCE_S, eventually

_TEMPLATE = "template_of_tests"
_USER = "postgres"


def find_postgres() -> Path | None:
    """The folder of `postgres` and `initdb`: on the path, else Debian's newest."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None


@dataclass
class PostgresServer:
    """A running server. Each test takes a database of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{_USER}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.folder), user=_USER, dbname=database, autocommit=True)

    def make_template(self) -> None:
        """Migrate one database, of which others are copies."""
        self.make_database(_TEMPLATE, like="template0")
        open_store(self.url(_TEMPLATE)).close()

    def make_database(self, name: str | None = None, *, like: str = _TEMPLATE) -> str:
        """A new database; its URL."""
        name = name or f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}".encode())
        return self.url(name)

    def cut_off(self, url: str) -> int:
        """End all connections to the database of a URL; how many there were."""
        name = url.partition("@/")[2].partition("?")[0]
        kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
        with self.connect() as connection:
            row = connection.execute(kill, (name,)).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def running_postgres(binaries: Path) -> Iterator[PostgresServer]:
    """Make a server in a folder of its own, and stop it at the end."""
    folder = Path(
        tempfile.mkdtemp(prefix="headway-pg-", dir="/tmp")
    )  # short: the path of a socket has a limit
    user = _unprivileged(folder)
    folder.chmod(0o755)
    rows = folder / "rows"
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": folder, **user}
    initdb: list[str | Path] = [binaries / "initdb", "--pgdata", rows, "--username", _USER, "--auth", "trust"]
    initdb += ["--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"]
    subprocess.run(initdb, check=True, capture_output=True, **quiet)
    log = (folder / "server.log").open("wb")
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", rows, *options], stdout=log, stderr=subprocess.STDOUT, **quiet
    )
    log.close()
    server = PostgresServer(folder, process)
    try:
        eventually(lambda: _answers(server), what="PostgreSQL answers")
        server.make_template()
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE_S)
        shutil.rmtree(folder)


def _answers(server: PostgresServer) -> bool:
    assert server.process.poll() is None, (server.folder / "server.log").read_text()
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as a user who may nothing."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
