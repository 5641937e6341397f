"""The kinds of houses, and the one of each kind that stands open for a row of cases."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.harness import _kill_all_below, free_port
from tests.fakes.candles import write_candles
from tests.fakes.postgres import PostgresServer, find_postgres, running_postgres
from tests.fakes.receiver import running_receiver
from tests.faults.house import MEMORY_LIMIT_MIB, Door, House
from tests.faults.mounts import may_mount, small_disk
from tests.faults.programs import WARM_PPO

PLAIN = "plain"
SMALL = "small disk"  # a disk of its own, which can be filled
SYNCED = "synced"  # keeps what of the database has reached the disk
PAIR = "pair"  # two servers on PostgreSQL
HOOKED = "hooked"  # a receiver of webhooks is told of every event
REAL = "real engine"  # trainings with torch beside the tiny ones

LEASE_S = 2
_DISK_MIB = 64
_BARS = 2000
_SYNCED_SOURCE = Path(__file__).with_name("synced.c")
_SYNCED_FOLDER = "synced"


def why_not(kind: str) -> str | None:
    """Why there can be no house of a kind here; None when there can."""
    if kind == SMALL and not may_mount():
        return "this user may not mount a disk"
    if kind == SYNCED and shutil.which("cc") is None:
        return "there is no C compiler"
    if kind == PAIR and find_postgres() is None:
        return "PostgreSQL is not installed"
    if kind == REAL and find_spec("torch") is None:
        return "torch is not installed"
    return None


@contextmanager
def a_house(kind: str = PLAIN, database: PostgresServer | None = None) -> Iterator[House]:
    """A started house of a kind in a temporary folder; whatever runs on it is dead afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headway-faults-")))
        data_dir = folder / "data"
        data_dir.mkdir()
        if kind == SMALL:
            stack.enter_context(small_disk(data_dir, _DISK_MIB))
        house = _furnish(kind, data_dir, stack, database)
        stack.callback(_clear, house)
        for door in house.doors:
            door.start()
        if kind == HOOKED:
            house.receiver = stack.enter_context(running_receiver())
            house.hook_secret = house.hook(house.receiver.url)
        yield house


def _furnish(kind: str, data_dir: Path, stack: ExitStack, database: PostgresServer | None) -> House:
    write_candles(data_dir / "candles" / "BTCUSDT_1h.csv", bars=_BARS, seed=3)
    settings = {} if kind == REAL else {"HEADWAY_MEMORY_LIMIT_MB": str(MEMORY_LIMIT_MIB)}
    if kind == REAL:
        settings[WARM_PPO] = "yes"
    if kind == HOOKED:
        settings |= {"HEADWAY_WEBHOOKS_ALLOW_HTTP": "true", "HEADWAY_WEBHOOKS_ALLOW_PRIVATE": "true"}
    if kind == SYNCED:
        synced_of(data_dir).mkdir()
        settings |= {"LD_PRELOAD": str(_shim(data_dir.parent)), "FAULTS_SYNCED": str(synced_of(data_dir))}
    if kind != PAIR:
        return House([Door(data_dir, free_port(), settings)])
    server = database or stack.enter_context(running_postgres(_require_postgres()))
    url = server.make_database()
    settings |= {"HEADWAY_DATABASE_URL": url, "HEADWAY_LEASE_S": str(LEASE_S)}
    doors = [Door(data_dir, free_port(), settings) for _ in range(2)]
    return House(doors, database_url=url.replace("+psycopg", ""))


def synced_of(data_dir: Path) -> Path:
    """Where a house keeps what of its database has reached the disk."""
    return data_dir / _SYNCED_FOLDER


def _clear(house: House) -> None:
    for door in house.doors:
        door.kill()
        door.client.close()
    _kill_all_below(house.data_dir)


def _require_postgres() -> Path:
    found = find_postgres()
    assert found is not None, why_not(PAIR)
    return found


def _shim(folder: Path) -> Path:
    place = folder / "synced.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", place, _SYNCED_SOURCE, "-ldl"], check=True)
    return place
