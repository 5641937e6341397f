"""`headway store check`: nothing is said of a sound store, and each damage is named with what to do."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from headway.domain.errors import InvalidInput, NotFound, StoreUnavailable
from headway.store.check import check_store
from headway.store.findings import NOTE, Finding
from headway.store.opening import open_store
from tests.fakes.postgres import PostgresServer
from tests.fakes.stores import Lived, live_in

Damage = Callable[[Lived], None]


def _check(lived: Lived, *, deep: bool = False) -> list[Finding]:
    return list(check_store(lived.url, lived.data_dir / "runs", deep=deep).findings)


def _sql(statement: str) -> Damage:
    """Write past the store. `:done` and the like are ids of runs."""

    def act(lived: Lived) -> None:
        names = ("done", "failed", "cancelled", "active", "queued")
        ids = {name: getattr(lived, name).id for name in names}
        with closing(sqlite3.connect(lived.data_dir / "headway.db")) as connection, connection:
            connection.execute(statement, ids)

    return act


def _run_dir(lived: Lived, name: str) -> Path:
    run_id: str = getattr(lived, name).id
    return lived.data_dir / "runs" / run_id


def _lose(name: str, path: str) -> Damage:
    def act(lived: Lived) -> None:
        lost = _run_dir(lived, name) / path
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()

    return act


def _rewrite(name: str, path: str, content: bytes) -> Damage:
    def act(lived: Lived) -> None:
        (_run_dir(lived, name) / path).write_bytes(content)

    return act


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_sound_store_is_found_sound(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = None
    if kind == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.make_database()
    lived = live_in(tmp_path / "data", url)

    report = check_store(lived.url, lived.data_dir / "runs", deep=True)

    assert (report.findings, report.ok) == ([], True)
    assert report.counts["runs"] == 5
    assert (report.counts["series"], report.counts["artifacts"], report.counts["checkpoints"]) == (2, 2, 4)


@pytest.mark.parametrize(
    ("damage", "check", "told"),
    [
        (_sql("DELETE FROM runs WHERE id = :done"), "database", "name a row of runs that is not there"),
        (_sql("DELETE FROM events WHERE position = 3"), "events", "there are gaps"),
        (_sql("DELETE FROM events WHERE run_id = :done AND seq = 3"), "events", "its record counts"),
        (_sql("INSERT INTO cursors VALUES ('somebody', 9999)"), "events", "it has read to position 9999"),
        (_sql("UPDATE runs SET state = 'failed' WHERE id = :done"), "events", "its column state is 'failed'"),
        (_sql("UPDATE runs SET record = '{}' WHERE id = :done"), "states", "cannot be read"),
        (
            _sql("UPDATE events SET kind = 'note_logged' WHERE run_id = :done AND kind = 'run_ended'"),
            "states",
            "its state is done, its events add up to training",
        ),
        (
            _sql("UPDATE events SET kind = 'note_logged' WHERE run_id = :active AND kind = 'run_claimed'"),
            "states",
            "a move that no run makes: from queued to training",
        ),
        (_sql("DELETE FROM queue"), "queue", "it would wait for ever"),
        (_sql("INSERT INTO queue VALUES (:done, 0, '')"), "queue", "it is done and in the queue"),
        (_sql("UPDATE counters SET value = 7 WHERE name = 'queue_length'"), "queue", "the counter is 7"),
        (_sql("UPDATE slots SET run_id = NULL"), "slots", "holds 0 of cpu, not 1"),
        (_sql("UPDATE slots SET run_id = :done"), "slots", "it is done and holds 1 of cpu"),
        (_sql("INSERT INTO leases VALUES (:failed, 'x', '')"), "leases", "it is failed and has a lease"),
        (_sql("UPDATE series SET points = 999"), "series", "has 1000 entries, not 999"),
        (_sql("DELETE FROM blocks WHERE level = 1"), "series", "level 1 has 0 entries, not 62"),
        (_sql("DELETE FROM blocks WHERE level = 0 AND number = 2"), "series", "level 0 has 936 entries"),
        (_sql("UPDATE series SET first_step = 5"), "series", "it begins at step 0, not 5"),
        (_sql("UPDATE counters SET value = 0 WHERE name = 'series_id'"), "series", "the counter is 0"),
        (_lose("done", ""), "folders", "it has no run directory"),
        (_lose("done", "report.html"), "files", "report.html is not there"),
        (_rewrite("done", "report.html", b"<"), "files", "report.html has 1 bytes, 6 were saved"),
        (_lose("failed", "checkpoints/000000000002"), "files", "is not there, and it is the newest"),
        (_lose("failed", "checkpoints/000000000002/CHECKPOINT.json"), "files", "has no marker"),
        (_rewrite("active", "attempts/1/events.jsonl", b""), "files", "has 0 bytes, the store has read"),
    ],
)
def test_a_damage_is_named_with_what_to_do(lived: Lived, damage: Damage, check: str, told: str) -> None:
    damage(lived)

    found = _check(lived)

    assert check in {finding.check for finding in found}
    assert any(told in finding.found for finding in found), [finding.found for finding in found]
    assert all(finding.remedy for finding in found)
    assert not check_store(lived.url, lived.data_dir / "runs").ok


def test_a_file_with_other_content_of_the_same_size_is_seen_by_a_deep_check_alone(lived: Lived) -> None:
    _rewrite("done", "report.html", b"<HTML>")(lived)
    _rewrite("failed", "checkpoints/000000000002/model.zip", b"Weights")(lived)

    assert _check(lived) == []
    assert [finding.about for finding in _check(lived, deep=True)] == sorted([lived.done.id, lived.failed.id])


def test_an_old_checkpoint_that_was_pruned_and_a_folder_without_a_run_are_no_problem(lived: Lived) -> None:
    _lose("failed", "checkpoints/000000000001")(lived)
    (lived.data_dir / "runs" / "tr_1700000000000_deadbeef").mkdir()

    (found,) = _check(lived)

    assert (found.level, found.check) == (NOTE, "folders")
    assert check_store(lived.url, lived.data_dir / "runs").ok


def test_what_is_on_its_way_is_no_problem_beside_a_writer(lived: Lived) -> None:
    store = open_store(lived.url)
    assert _check(lived) == []
    store.close()


def test_a_page_that_is_overwritten_is_found_by_the_database(lived: Lived) -> None:
    path = lived.data_dir / "headway.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'blocks'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 8)
        file.write(b"\xff" * 200)

    found = _check(lived)

    assert {finding.check for finding in found} == {"database"}
    assert "backup" in found[0].remedy


def test_a_schema_of_another_version_is_not_looked_into(lived: Lived) -> None:
    _sql("UPDATE alembic_version SET version_num = '0001'")(lived)
    (older,) = _check(lived)
    _sql("UPDATE alembic_version SET version_num = '9999'")(lived)
    (newer,) = _check(lived)

    assert "it migrates" in older.remedy
    assert "newer" in newer.remedy


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no database"):
        check_store(f"sqlite:///{tmp_path / 'none.db'}", tmp_path)
    with pytest.raises(InvalidInput):
        check_store("memory:", tmp_path)
    letter = tmp_path / "letter.db"
    letter.write_text("this is a letter, not a database; " * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        check_store(f"sqlite:///{letter}", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.db"]


def test_a_report_is_json(lived: Lived) -> None:
    _sql("INSERT INTO leases VALUES (:failed, 'x', '')")(lived)
    (found,) = _check(lived)
    assert json.loads(json.dumps(found.to_json()))["about"] == lived.failed.id
