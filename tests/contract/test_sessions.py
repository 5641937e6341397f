"""Sessions of browsers: the same promises on every store."""

from __future__ import annotations

from datetime import timedelta

from headway.domain.sessions import Session
from headway.ports import Store
from tests.factories import T0

_OWNER = "a" * 16


def _session(name: str, minutes: int = 0, owner: str = _OWNER) -> Session:
    return Session(name * 64, owner, T0, T0 + timedelta(minutes=minutes), "a browser")


def _keep(store: Store, *sessions: Session) -> None:
    for session in sessions:
        store.write(lambda tx, session=session: tx.insert_session(session))  # type: ignore[misc]


def test_a_session_is_found_as_it_was_kept(store: Store) -> None:
    _keep(store, _session("a"))
    assert store.read(lambda tx: tx.find_session("a" * 64)) == _session("a")
    assert store.read(lambda tx: tx.find_session("b" * 64)) is None


def test_sessions_of_an_owner_come_last_used_first(store: Store) -> None:
    _keep(store, _session("a", 1), _session("b", 3), _session("c", 2), _session("d", 9, owner="other"))
    assert [session.id[0] for session in store.read(lambda tx: tx.sessions(_OWNER))] == ["b", "c", "a"]


def test_a_use_is_kept_and_a_use_of_an_ended_one_is_quiet(store: Store) -> None:
    _keep(store, _session("a"))
    later = T0 + timedelta(hours=1)
    store.write(lambda tx: (tx.touch_session("a" * 64, later), tx.touch_session("b" * 64, later)))
    assert [session.seen_at for session in store.read(lambda tx: tx.sessions(_OWNER))] == [later]


def test_a_dropped_session_is_gone_and_dropping_again_is_quiet(store: Store) -> None:
    _keep(store, _session("a"), _session("b"))
    for _ in range(2):
        store.write(lambda tx: tx.drop_session("a" * 64))
    assert [session.id[0] for session in store.read(lambda tx: tx.sessions(_OWNER))] == ["b"]


def test_sessions_that_nobody_used_lately_are_dropped(store: Store) -> None:
    _keep(store, _session("a", 1), _session("b", 3))
    store.write(lambda tx: tx.drop_sessions(seen_before=T0 + timedelta(minutes=2)))
    assert [session.id[0] for session in store.read(lambda tx: tx.sessions(_OWNER))] == ["b"]
