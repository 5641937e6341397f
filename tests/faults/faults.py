"""The faults by name: how each strikes, in which kind of house, and how often it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from headway.wire.crashpoints import POINTS
from tests.faults import damage, strikes, trials
from tests.faults.houses import HOOKED, PAIR, PLAIN, REAL, SMALL, SYNCED, why_not
from tests.faults.mounts import may_mount, may_write_anywhere
from tests.faults.scene import Scene

Strike = Callable[[Scene], bool]
"""Strikes once, undoes what does not end by itself, tells when it was over; False when nothing was left to strike."""


@dataclass(frozen=True)
class Fault:
    """One way to break things."""

    strike: Strike
    house: str = PLAIN
    weight: float = 1.0  # how often it is drawn, beside others: the slow ones less
    mixes: bool = False  # whether it may strike beside another one


def _mixing(strike: Strike) -> Fault:
    return Fault(strike, mixes=True)


FAULTS: dict[str, Fault] = {
    "kill server": _mixing(strikes.kill_server),
    "kill supervisor": _mixing(partial(strikes.kill, supervisor=True)),
    "kill trainer": _mixing(partial(strikes.kill, trainer=True)),
    "kill fork server": _mixing(strikes.kill_fork_server),
    "kill server and supervisor": _mixing(partial(strikes.kill, server=True, supervisor=True)),
    "kill server and trainer": _mixing(partial(strikes.kill, server=True, trainer=True)),
    "kill supervisor and trainer": _mixing(partial(strikes.kill, supervisor=True, trainer=True)),
    "kill all three": _mixing(partial(strikes.kill, server=True, supervisor=True, trainer=True)),
    "kill trainer at a checkpoint": _mixing(strikes.kill_trainer_at_checkpoint),
    "kill trainer amid a write": _mixing(strikes.kill_trainer_amid_write),
    "kill supervisor amid a write": _mixing(strikes.kill_supervisor_amid_write),
    "shut supervisor down": _mixing(strikes.shut_supervisor_down),
    "stop server": _mixing(strikes.stop_server),
    "stop supervisor": _mixing(strikes.stop_supervisor),
    "stop supervisor until it is seen": Fault(strikes.stop_supervisor_until_seen, weight=0.5),
    "stop trainer": _mixing(strikes.stop_trainer),
    "stop fork server": Fault(strikes.stop_fork_server),
    "garbage lines": _mixing(damage.garbage_lines),
    "torn line": _mixing(damage.torn_line),
    "locked store": _mixing(damage.locked_store),
    "second server": _mixing(damage.second_server),
    "read-only folder": Fault(damage.read_only_folder),
    "full disk": Fault(damage.full_disk, SMALL),
    "power loss": Fault(damage.lose_power, SYNCED),
    "clock an hour ahead": Fault(partial(trials.jump, forward=True)),
    "clock an hour behind": Fault(partial(trials.jump, forward=False)),
    "training over its memory": Fault(
        partial(trials.misbehave, notes="hoards memory", reason="out_of_memory"), weight=0.5
    ),
    "training out of memory": Fault(
        partial(trials.misbehave, notes="runs out of memory", reason="out_of_memory")
    ),
    "training that is deaf": Fault(trials.be_deaf, weight=0.5),
    "training that forks": Fault(partial(trials.misbehave, notes="forks")),
    "training that double-forks": Fault(partial(trials.misbehave, notes="double-forks")),
    "training that closes its output": Fault(partial(trials.misbehave, notes="closes its output")),
    "training that floods its console": Fault(trials.flood, weight=0.3),
    "PPO: kill server": Fault(partial(trials.strike_real_one, strike=strikes.kill_server), REAL, 0.4),
    "PPO: kill supervisor": Fault(
        partial(trials.strike_real_one, strike=partial(strikes.kill, supervisor=True)), REAL, 0.4
    ),
    "PPO: kill trainer": Fault(
        partial(trials.strike_real_one, strike=partial(strikes.kill, trainer=True)), REAL, 0.4
    ),
    "PPO: shut supervisor down": Fault(
        partial(trials.strike_real_one, strike=strikes.shut_supervisor_down), REAL, 0.4
    ),
    "webhook: kill server": Fault(strikes.kill_server, HOOKED),
    "two servers: kill one": Fault(trials.kill_one_of_two, PAIR, 0.6),
    "two servers: stop one": Fault(trials.stop_one_of_two, PAIR, 0.6),
    "two servers: clock of one": Fault(trials.jump_one_of_two, PAIR, 0.6),
}
CRASHES = {f"crash at {point}": point for point in POINTS}


def house_of(name: str) -> str:
    """The kind of house in which a fault can strike, or the server reaches a crash point."""
    if name in FAULTS:
        return FAULTS[name].house
    return HOOKED if CRASHES[name].startswith("deliver") else PLAIN


def _why_skipped(name: str, fault: Fault) -> str | None:
    if name == "read-only folder" and may_write_anywhere() and not may_mount():
        return "this user writes into read-only folders, and may not mount"
    return why_not(fault.house)


SKIPPED = {name: why for name, fault in FAULTS.items() if (why := _why_skipped(name, fault))}
