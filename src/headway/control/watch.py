"""Follow the active runs: read their logs, look for proof of life or death, pass cancels on, heal contact.

Recovery after a crash is this same work: a server that starts finds its active runs here like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

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
from headway.ports import LogCursor, Sighting, Transaction

_log = structlog.get_logger("headway.watch")

_LOOK_AGAIN = timedelta(seconds=1)  # at a run that another server follows


@dataclass
class Watcher:
    """Follows active runs, one `step` at a time. Holds the leases of the runs that it watches.

    Several servers may watch one store. Each acts on the runs whose leases it holds, and takes those that have run out.
    """

    context: Context
    token: str = field(default_factory=new_token)
    _cursors: dict[tuple[str, int], LogCursor] = field(default_factory=dict)
    _told: set[tuple[str, int]] = field(default_factory=set)
    _leased_until: dict[str, datetime] = field(default_factory=dict)
    _others_until: dict[str, datetime] = field(default_factory=dict)
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
        for run_id in list(self._leased_until):
            self.context.store.write(partial(_drop_lease, run_id=run_id, token=self.token))
        self._leased_until.clear()

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
            self._leased_until.pop(run.id, None)
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
        now = self.context.clock.now()
        limit = timedelta(seconds=self.context.policy.contact_lost_after_s)
        lost = sighting.alive is None or (
            sighting.heartbeat_at is not None and now - sighting.heartbeat_at > limit
        )
        if lost and run.contact_lost_since is None:
            since = sighting.heartbeat_at or now
            self.context.commit(run.id, lambda tx: _lose_contact(tx, run, since, now))
        elif not lost and run.contact_lost_since is not None:
            self.context.commit(run.id, lambda tx: _regain_contact(tx, run, now))

    def _pass_cancel_on(self, run: Run) -> None:
        key = (run.id, run.attempt)
        if run.cancel_requested_at is None or key in self._told:
            return
        tell_executor(self.context, run, by="server", why="the recorded request")
        self._told.add(key)

    def _holds(self, run: Run) -> bool:
        """Whether this watcher may act on the run: its lease is renewed well before it runs out."""
        until = self._leased_until.get(run.id)
        renew_at = timedelta(seconds=self.context.policy.lease_s / 2)
        if until is not None and until - self.context.clock.now() > renew_at:
            return True
        return not self._is_anothers(run) and self._lease(run, exclusive=False)

    def _is_anothers(self, run: Run) -> bool:
        """Whether another server holds the lease; looked up now and then, and without writing."""
        now = self.context.clock.now()
        if self._others_until.get(run.id, now) > now:
            return True
        lease = self.context.store.read(lambda tx: tx.find_lease(run.id))
        if lease is None or lease[0] == self.token or lease[1] <= now:
            return False
        self._others_until[run.id] = min(lease[1], now + _LOOK_AGAIN)
        return True

    def _lease(self, run: Run, *, exclusive: bool) -> bool:
        now = self.context.clock.now()
        until = now + timedelta(seconds=self.context.policy.lease_s)
        held = self.context.store.write(
            lambda tx: _take_lease(tx, run.id, self.token, now, until, force=exclusive)
        )
        if held:
            self._leased_until[run.id] = until
        else:
            self._leased_until.pop(run.id, None)
        return held

    def _forget_all_but(self, runs: list[Run]) -> None:
        alive = {(run.id, run.attempt) for run in runs}
        ids = {run.id for run in runs}
        self._cursors = {key: value for key, value in self._cursors.items() if key in alive}
        self._told &= alive
        self._leased_until = {key: value for key, value in self._leased_until.items() if key in ids}
        self._others_until = {key: value for key, value in self._others_until.items() if key in ids}


def _take_lease(
    tx: Transaction, run_id: str, token: str, now: datetime, until: datetime, *, force: bool
) -> bool:
    lease = tx.find_lease(run_id)
    if not force and lease is not None and lease[0] != token and lease[1] > now:
        return False
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
