"""The SQL store: one writer thread that commits in groups, and readers on snapshots of their own.

A commit that reaches the disk costs the same for one transaction as for fifty. So writers hand their work to one
thread, which runs what is waiting within one transaction, and answers after the commit.

A piece that raises before it has written leaves nothing to undo. One that raises after takes the others with it: they
are run once more, each in a savepoint. Savepoints for all would cost each of them more than what they do.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from headway.domain.errors import StoreUnavailable
from headway.ports import StoreFacts, Transaction
from headway.store.facts import read_facts
from headway.store.session import Session
from headway.store.tally import Tally
from headway.store.totals import Totals
from headway.store.transaction import SqlTransaction

T = TypeVar("T")

_GROUP = 64
_TRIES = 5
_CONFLICTS = {"40001", "40P01"}  # serialization failure, deadlock: nothing was committed, and again it may do


@dataclass(frozen=True)
class _Piece:
    """Work, and where its outcome goes."""

    work: Callable[[Transaction], Any]
    outcome: Future[Any]


_Attempt = Callable[[_Piece, Session, Tally], Callable[[], None]]


class _Halfway(Exception):
    """A piece has raised after it had written."""


class SqlStore:
    """Runs on any database that SQLAlchemy speaks to; `store/opening` makes one."""

    def __init__(self, writer: Engine, reader: Engine) -> None:
        self._writer = writer
        self._reader = reader
        self._totals = Totals()
        self._waiting: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self.write_later(work).result()

    def write_later(self, work: Callable[[Transaction], T]) -> Future[T]:
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()  # what is accepted is done: it cannot be called off
        with self._closing:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.put(_Piece(work, outcome))
        return outcome

    def read(self, work: Callable[[Transaction], T]) -> T:
        try:
            with self._reader.begin() as connection:
                return work(SqlTransaction(Session(connection), totals=self._totals))
        except (DBAPIError, PoolTimeout) as error:
            raise _unavailable(error) from error

    def check(self) -> None:
        self.read(lambda tx: tx.last_position())

    def describe(self) -> StoreFacts:
        try:
            with self._reader.begin() as connection:
                return read_facts(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._thread.join()
        self._writer.dispose()
        self._reader.dispose()

    def _run(self) -> None:
        ending = False
        while not ending:
            group = [self._waiting.get()]
            while len(group) < _GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            ending = group[-1] is None  # nothing is accepted after it
            self._commit([piece for piece in group if piece is not None])

    def _commit(self, group: list[_Piece]) -> None:
        if not group:
            return
        try:
            answers = self._commit_once_or_again(group)
        except (DBAPIError, PoolTimeout) as error:
            for piece in group:
                piece.outcome.set_exception(_unavailable(error))
            return
        for answer in answers:
            answer()

    def _commit_once_or_again(self, group: list[_Piece]) -> list[Callable[[], None]]:
        for _ in range(_TRIES - 1):
            try:
                return self._commit_once(group)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _CONFLICTS:
                    raise
        return self._commit_once(group)

    def _commit_once(self, group: list[_Piece]) -> list[Callable[[], None]]:
        """Run all pieces and commit them; how to answer each of them."""
        try:
            return self._commit_with(_attempt, group, defers=True)
        except _Halfway:
            return self._commit_with(_attempt_in_savepoint, group, defers=False)

    def _commit_with(
        self, attempt: _Attempt, group: list[_Piece], *, defers: bool
    ) -> list[Callable[[], None]]:
        with self._writer.begin() as connection:
            session = Session(connection, defers)
            tally = Tally(session)
            answers = [attempt(piece, session, tally) for piece in group]
            _settle(session)
            tally.flush()
        return answers


def _settle(session: Session) -> None:
    """Insert what waits. Raises _Halfway when the database refuses a row, as it is not known whose it is."""
    try:
        session.settle()
    except IntegrityError as error:
        raise _Halfway from error
    except DBAPIError:
        raise
    except Exception as error:
        raise _Halfway from error


def _attempt(piece: _Piece, session: Session, tally: Tally) -> Callable[[], None]:
    """Run one piece; how to answer once it is durable. Raises _Halfway when it leaves something to undo."""
    session.changed = False
    try:
        value = piece.work(SqlTransaction(session, tally))
    except IntegrityError as error:
        raise _Halfway from error  # the work is at fault, and a transaction may be of no use after it
    except DBAPIError:
        raise  # the whole group falls: the database is in trouble, not the work
    except Exception as error:
        if session.changed:
            raise _Halfway from error
        return _bind(piece.outcome.set_exception, error)
    return _bind(piece.outcome.set_result, value)


def _attempt_in_savepoint(piece: _Piece, session: Session, tally: Tally) -> Callable[[], None]:
    """As `_attempt`; what is left halfway is undone."""
    try:
        with session.connection.begin_nested():
            value = piece.work(SqlTransaction(session, tally))
            tally.flush()
    except IntegrityError as error:
        tally.forget()
        return _bind(piece.outcome.set_exception, ValueError(f"the database cannot keep it: {error.orig}"))
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001  (what the work raises belongs to its caller, whatever it is)
        tally.forget()
        return _bind(piece.outcome.set_exception, error)
    return _bind(piece.outcome.set_result, value)


def _unavailable(error: DBAPIError | PoolTimeout) -> StoreUnavailable:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return StoreUnavailable(f"the store does not answer: {cause}")


def _bind(tell: Callable[[Any], None], value: object) -> Callable[[], None]:
    return lambda: tell(value)
