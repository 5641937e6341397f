"""Wake-ups across the servers of one PostgreSQL database: LISTEN and NOTIFY. Needs psycopg.

Followers in this process are woken at once, those of other servers through the database. Nothing is lost with a
connection but time: when the listener is back it wakes everybody, and all read the store from cursors of their own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import structlog

from headway.domain.errors import StoreUnavailable
from headway.domain.ids import new_token
from headway.store.bus import LocalBus, LocalSubscription

_log = structlog.get_logger("headway.bus")

_LISTEN = "LISTEN headway"
_NOTIFY = "SELECT pg_notify('headway', %s)"
_LOOK_S = 0.5  # between two looks at whether the bus was closed
_RETRY_S = 1.0
_JOIN_S = 5.0
_TOPICS = 100  # in one notification, which holds 8000 bytes
_SHOWN = 100


class PostgresBus:
    """The port EventBus over a database; `connect_with` is what `psycopg.connect` takes.

    Raises StoreUnavailable when the database does not answer at the start; later losses heal.
    """

    def __init__(self, connect_with: dict[str, Any]) -> None:
        self._connect_with = connect_with
        self._local = LocalBus()
        self._name = new_token()  # who hears its own notification has been woken already
        self._pending: set[str] = set()
        self._changed = threading.Condition()
        self._closed = threading.Event()
        try:
            listener = self._listen()
        except psycopg.Error as error:
            raise StoreUnavailable(f"the database does not answer: {error}") from error
        self._threads = [
            threading.Thread(target=self._hear, args=(listener,), name="bus-listener", daemon=True),
            threading.Thread(target=self._speak, name="bus-speaker", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def publish(self, topics: Sequence[str]) -> None:
        self._local.publish(topics)
        with self._changed:
            self._pending.update(topics)
            self._changed.notify()

    def subscribe(self, topic: str, notify: Callable[[], None] | None = None) -> LocalSubscription:
        return self._local.subscribe(topic, notify)

    def close(self) -> None:
        self._closed.set()
        with self._changed:
            self._changed.notify()
        for thread in self._threads:
            thread.join(_JOIN_S)

    # what others say
    def _hear(self, listener: psycopg.Connection | None) -> None:
        while not self._closed.is_set():
            try:
                if listener is None:
                    listener = self._listen()
                    self._local.wake_all()  # what was said meanwhile was not heard
                for notice in listener.notifies(timeout=_LOOK_S):
                    self._take(notice.payload)
            except psycopg.Error as error:
                _log.warning("the listener lost the database, trying again", error=str(error).strip())
                _drop(listener)
                listener = None
                self._closed.wait(_RETRY_S)
        _drop(listener)

    def _listen(self) -> psycopg.Connection:
        connection = psycopg.connect(**self._connect_with, autocommit=True)
        connection.execute(_LISTEN)
        return connection

    def _take(self, payload: str) -> None:
        try:
            speaker, *topics = _read(payload)
        except (ValueError, RecursionError):
            _log.warning("passed over what is no wake-up of a server", payload=payload[:_SHOWN])
            return
        if speaker != self._name:
            self._local.publish(topics)

    # what is said to others
    def _speak(self) -> None:
        speaker: psycopg.Connection | None = None
        while topics := self._wait_for_topics():
            try:
                speaker = speaker or self._connect_speaker()
                for start in range(0, len(topics), _TOPICS):
                    payload = json.dumps([self._name, *topics[start : start + _TOPICS]])
                    speaker.execute(_NOTIFY, (payload,))
            except psycopg.Error as error:
                _log.warning("other servers cannot be woken, trying again", error=str(error).strip())
                _drop(speaker)
                speaker = None
                with self._changed:
                    self._pending.update(topics)
                self._closed.wait(_RETRY_S)
        _drop(speaker)

    def _connect_speaker(self) -> psycopg.Connection:
        connection = psycopg.connect(**self._connect_with, autocommit=True)
        connection.execute("SET synchronous_commit = off")  # a wake-up needs no disk
        return connection

    def _wait_for_topics(self) -> list[str]:
        """What is to be told; nothing once the bus is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed.is_set())
            topics = [] if self._closed.is_set() else sorted(self._pending)
            self._pending.clear()
            return topics


def _read(payload: str) -> list[str]:
    """Who speaks, and the topics; ValueError for what another program says on the channel."""
    spoken = json.loads(payload)
    if not isinstance(spoken, list) or not spoken or not all(isinstance(each, str) for each in spoken):
        raise ValueError("not a speaker and topics")
    return spoken


def _drop(connection: psycopg.Connection | None) -> None:
    if connection is not None:
        connection.close()
