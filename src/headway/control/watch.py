"""Follow the active runs: read their logs, look for proof of life or death, pass cancels on, heal contact.

Recovery after a crash is this same work: a server that starts finds its active runs here like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

import structlog

from headway.control.advance import advance
from headway.control.cancel import tell_executor
from headway.control.context import Context
from headway.control.dispatch import start_or_close
from headway.control.finish import finish
from headway.control.ingest import ingest_from
from headway.domain.clock import format_utc
from headway.domain.errors import HeadwayError, NotFound, StaleAttempt, StoreUnavailable
from headway.domain.events import EventKind
from headway.domain.ids import new_token
from headway.domain.runs import Run
from headway.domain.states import ACTIVE
from headway.ports import LogCursor, Sighting, Transaction

_log = structlog.get_logger("headway.watch")

T = TypeVar("T")

_LOOK_AGAIN_S = 1.0  # at a run that another server follows


@dataclass(frozen=True)
class _Watched(Generic[T]):
    """Something that its owner changes for as long as it lives, and how long it has been as it is."""

    value: T
    since_s: float  # monotonic: what the clocks of two machines say, and a clock that jumps, decide nothing

    def seen(self, value: T, now_s: float) -> _Watched[T]:
        """The same when it has not changed."""
        return self if value == self.value else _Watched(value, now_s)


@dataclass
class Watcher:
    """Follows active runs, one `step` at a time. Holds the leases of the runs that it watches.

    Several servers may watch one store. Each acts on the runs whose leases it holds, and takes those that have run out.
    """

    context: Context
    token: str = field(default_factory=new_token)
    _cursors: dict[tuple[str, int], LogCursor] = field(default_factory=dict)
    _told: set[tuple[str, int]] = field(default_factory=set)
    _renew_at: dict[str, float] = field(default_factory=dict)  # of the leases that it holds; monotonic
    _others: dict[str, _Watched[tuple[str, datetime]]] = field(
        default_factory=dict
    )  # leases of other servers
    _ask_again_at: dict[str, float] = field(default_factory=dict)  # when to look at those again; monotonic
    _beats: dict[tuple[str, int], _Watched[datetime | None]] = field(default_factory=dict)
    _troubles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = self.context.fenced(self.token)

    def recover(self, *, alone: bool = True) -> list[Run]:
        """At start: take over every active run at once. Where this server is not alone, only those whose leases
        have run out: others may be at work."""
        runs = self.context.store.read(lambda tx: tx.active_runs())
        return [run for run in runs if self._lease(run, exclusive=alone)]

    def release(self) -> None:
        """At the end: give up all leases, so that another server need not wait until they run out."""
        for run_id in list(self._renew_at):
            self.context.store.write(partial(_drop_lease, run_id=run_id, token=self.token))
        self._renew_at.clear()

    def step(self) -> int:
        """One look at every active run that is this server's to follow; returns how many these are."""
        runs = self.context.store.read(lambda tx: tx.active_runs())
        self._forget_all_but(runs)
        mine = [run for run in runs if self._holds(run)]
        for run in mine:
            self._look_at(run)
        return len(mine)

    def _look_at(self, run: Run) -> None:
        try:
            self._follow(run)
            self._troubles.pop(run.id, None)
        except StaleAttempt:
            # It moved on between two looks, or another server has it: ask for the lease, then look again.
            self._cursors.pop((run.id, run.attempt), None)
            self._renew_at.pop(run.id, None)
        except StoreUnavailable:
            raise
        except (HeadwayError, OSError) as error:
            self._complain(run, str(error))  # trouble with one run must not blind the watcher for the others

    def _follow(self, run: Run) -> None:
        self._read_log(run)
        sighting = self._observe(run)
        if sighting.exit is not None:
            finish(self.context, run, sighting.exit)
        elif sighting.alive is False:
            self._bury(run)
        else:
            self._check_contact(run, sighting)
            self._pass_cancel_on(run)

    def _complain(self, run: Run, text: str) -> None:
        """Say it once, not at every look."""
        if self._troubles.get(run.id) != text:
            _log.warning("cannot follow run", run_id=run.id, attempt=run.attempt, error=text)
            self._troubles[run.id] = text

    def _read_log(self, run: Run) -> None:
        key = (run.id, run.attempt)
        if key not in self._cursors:
            self._cursors[key] = self.context.store.read(lambda tx: tx.log_cursor(*key))
        moved = ingest_from(self.context, run, self._cursors[key])
        if moved is not None:
            self._cursors[key] = moved

    def _observe(self, run: Run) -> Sighting:
        executor = self.context.executor_of(run)
        try:
            return executor.observe(run.id, run.attempt)
        except NotFound:
            # Claimed, but the server died before it could start it.
            if run.cancel_requested_at is None:
                start_or_close(self.context, run, self._gpus_of(run))
            else:
                executor.bury(run.id, run.attempt)
            return executor.observe(run.id, run.attempt)

    def _gpus_of(self, run: Run) -> tuple[int, ...]:
        slots = self.context.store.read(lambda tx: tx.slots())
        return tuple(slot.index for slot in slots if slot.kind == "gpu" and slot.run_id == run.id)

    def _bury(self, run: Run) -> None:
        proof = self.context.executor_of(run).bury(run.id, run.attempt)
        finish(self.context, run, proof)

    def _check_contact(self, run: Run, sighting: Sighting) -> None:
        now, beat = self.context.clock.now(), sighting.heartbeat_at
        silent_s = self._silent_s(run, beat)
        since = beat or now - timedelta(seconds=silent_s)
        lost = sighting.alive is None or silent_s > self.context.policy.contact_lost_after_s
        if lost and run.contact_lost_since is None:
            self.context.commit(run.id, lambda tx: _lose_contact(tx, run, since, now))
        elif not lost and run.contact_lost_since not in (None, beat):
            self.context.commit(run.id, lambda tx: _regain_contact(tx, run, now))

    def _silent_s(self, run: Run, beat: datetime | None) -> float:
        """Seconds for which this server has seen no new heartbeat, nor a first one."""
        key, now_s = (run.id, run.attempt), self.context.clock.monotonic()
        seen = self._beats.get(key, _Watched(beat, now_s)).seen(beat, now_s)
        self._beats[key] = seen
        return now_s - seen.since_s

    def _pass_cancel_on(self, run: Run) -> None:
        key = (run.id, run.attempt)
        if run.cancel_requested_at is None or key in self._told:
            return
        tell_executor(self.context, run, by="server", why="the recorded request")
        self._told.add(key)

    def _holds(self, run: Run) -> bool:
        """Whether this watcher may act on the run: its lease is renewed well before it runs out."""
        if self.context.clock.monotonic() < self._renew_at.get(run.id, 0.0):
            return True
        return not self._is_anothers(run) and self._lease(run, exclusive=False)

    def _is_anothers(self, run: Run) -> bool:
        """Whether another server holds the lease; looked up now and then, and without writing."""
        now_s = self.context.clock.monotonic()
        if now_s < self._ask_again_at.get(run.id, 0.0):
            return True
        lease = self.context.store.read(lambda tx: tx.find_lease(run.id))
        if lease is None or lease[0] == self.token:
            self._others.pop(run.id, None)
            return False
        seen = self._others.get(run.id, _Watched(lease, now_s)).seen(lease, now_s)
        self._others[run.id] = seen
        left_s = self._left_s(seen)
        self._ask_again_at[run.id] = now_s + min(left_s, _LOOK_AGAIN_S)
        return left_s > 0.0

    def _left_s(self, seen: _Watched[tuple[str, datetime]]) -> float:
        """Seconds until another server's lease has run out: by its own word, or because it is no longer renewed."""
        unchanged_s = self.context.clock.monotonic() - seen.since_s
        told_s = (seen.value[1] - self.context.clock.now()).total_seconds()
        return min(told_s, self.context.policy.lease_s - unchanged_s)

    def _lease(self, run: Run, *, exclusive: bool) -> bool:
        now, lease_s = self.context.clock.now(), self.context.policy.lease_s
        until = now + timedelta(seconds=lease_s)
        seen = self._others.get(run.id)
        lapsed = seen.value if seen is not None and self._left_s(seen) <= 0.0 else None
        held = self.context.store.write(
            lambda tx: (
                tx.get_run(run.id).state in ACTIVE  # it may have ended since it was looked at
                and (exclusive or _is_free(tx, run.id, self.token, now, lapsed))
                and _set_lease(tx, run.id, self.token, until)
            )
        )
        if held:
            self._renew_at[run.id] = self.context.clock.monotonic() + lease_s / 2
        else:
            self._renew_at.pop(run.id, None)
        return held

    def _forget_all_but(self, runs: list[Run]) -> None:
        alive = {(run.id, run.attempt) for run in runs}
        ids = {run.id for run in runs}
        self._cursors = {key: value for key, value in self._cursors.items() if key in alive}
        self._told &= alive
        self._beats = {key: value for key, value in self._beats.items() if key in alive}
        self._renew_at = {key: value for key, value in self._renew_at.items() if key in ids}
        self._others = {key: value for key, value in self._others.items() if key in ids}
        self._ask_again_at = {key: value for key, value in self._ask_again_at.items() if key in ids}
        self._troubles = {key: value for key, value in self._troubles.items() if key in ids}


def _is_free(
    tx: Transaction, run_id: str, token: str, now: datetime, lapsed: tuple[str, datetime] | None
) -> bool:
    lease = tx.find_lease(run_id)
    return lease is None or lease[0] == token or lease[1] <= now or lease == lapsed


def _set_lease(tx: Transaction, run_id: str, token: str, until: datetime) -> bool:
    tx.set_lease(run_id, token, until)
    return True


def _drop_lease(tx: Transaction, *, run_id: str, token: str) -> None:
    lease = tx.find_lease(run_id)
    if lease is not None and lease[0] == token:
        tx.drop_lease(run_id)


def _lose_contact(tx: Transaction, seen: Run, since: datetime, now: datetime) -> None:
    run = _still_active(tx, seen)
    if run.contact_lost_since is None:
        data = {"since": format_utc(since)}
        advance(tx, run, EventKind.CONTACT_LOST, at=now, data=data, contact_lost_since=since)


def _regain_contact(tx: Transaction, seen: Run, now: datetime) -> None:
    run = _still_active(tx, seen)
    if run.contact_lost_since is not None:
        advance(tx, run, EventKind.CONTACT_REGAINED, at=now, contact_lost_since=None)


def _still_active(tx: Transaction, seen: Run) -> Run:
    run = tx.get_run(seen.id)
    if run.ended or run.attempt != seen.attempt:
        raise StaleAttempt(f"attempt {seen.attempt} of {run.id} is over")
    return run
