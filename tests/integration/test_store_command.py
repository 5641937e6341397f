"""`headway store` as it is typed: back up, restore, move, remove."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from headway.cli.main import app
from headway.control.vacuum import plan_removals
from headway.domain.clock import utc_now
from headway.domain.errors import StoreUnavailable
from headway.domain.retention import Rules
from headway.domain.runs import Run
from headway.store.backup import dump_command
from headway.store.check import check_store
from headway.store.opening import open_store
from tests.factories import make_run, run_id
from tests.fakes.postgres import PostgresServer, find_postgres
from tests.fakes.stores import Lived, live_in

_RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _settings(lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("HEADWAY_DATA_DIR", str(lived.data_dir))
    monkeypatch.delenv("HEADWAY_DATABASE_URL", raising=False)


def _run(*words: str | Path) -> Result:
    return _RUNNER.invoke(app, ["store", *map(str, words)])


def _runs(url: str) -> dict[str, Run]:
    with closing(open_store(url)) as store:
        return {number: store.read(lambda tx, n=number: tx.get_run(n)) for number in _ids(url)}  # type: ignore[misc]


def _ids(url: str) -> list[str]:
    with closing(open_store(url)) as store:
        return [event.run_id for event in store.read(lambda tx: tx.events_after(0, 1000)) if event.seq == 1]


@contextmanager
def _a_server_on(data_dir: Path) -> Iterator[None]:
    """What a server holds for as long as it lives."""
    descriptor = os.open(data_dir / "server.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


# check


def test_a_check_says_how_much_it_looked_at_and_that_nothing_is_wrong(lived: Lived) -> None:
    ran = _run("check")
    assert ran.exit_code == 0, ran.output
    assert "5 runs" in ran.stdout
    assert "nothing is wrong" in ran.stdout


def test_a_check_that_finds_something_ends_with_1_and_tells_it_as_a_table_and_as_json(lived: Lived) -> None:
    (lived.data_dir / "runs" / lived.done.id / "report.html").unlink()

    table, told = _run("check"), _run("check", "--json")

    assert (table.exit_code, told.exit_code) == (1, 1)
    assert f"problem: files: {lived.done.id}: report.html is not there\n  to do: copy it back" in table.stdout
    (finding,) = json.loads(told.stdout)["findings"]
    assert finding["about"] == lived.done.id
    assert finding["remedy"]


def test_a_folder_without_a_store_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_DATA_DIR", str(tmp_path / "nowhere"))
    for words in (("check",), ("backup", tmp_path / "copy.db"), ("vacuum",)):
        ran = _run(*words)
        assert ran.exit_code == 1
        assert "there is no database" in ran.stderr
    assert not (tmp_path / "nowhere").exists()


# backup


def test_a_backup_of_a_store_in_use_is_whole_and_for_its_owner_alone(lived: Lived, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(open_store(lived.url)) as store:
        store.write(lambda tx: tx.set_cursor("somebody", 1))  # in the write-ahead log, not yet in the file
        ran = _run("backup", copy)

    assert ran.exit_code == 0, ran.output
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(open_store(f"sqlite:///{copy}")) as store:
        assert store.read(lambda tx: tx.find_cursor("somebody")) == 1
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_backup_replaces_nothing_unless_it_is_told_to(lived: Lived, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")

    refused = _run("backup", copy)
    assert (refused.exit_code, copy.read_text()) == (1, "precious")
    assert "--force" in refused.stderr

    assert _run("backup", "--force", copy).exit_code == 0
    assert check_store(f"sqlite:///{copy}", None).ok


def test_a_backup_that_cannot_be_written_says_so_in_one_line(lived: Lived) -> None:
    ran = _run("backup", "/proc/copy.db")

    assert ran.exit_code == 1
    assert "error: no backup was made:" in ran.stderr


def test_a_copy_that_is_not_sound_is_not_kept(lived: Lived, tmp_path: Path) -> None:
    with closing(open_store(lived.url)) as store:
        store.write(lambda tx: tx.dequeue(lived.queued.id))

    ran = _run("backup", tmp_path / "copy.db")

    assert ran.exit_code == 1
    assert "not sound" in ran.stderr
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_with_files_is_a_data_folder_in_a_tar(lived: Lived, tmp_path: Path) -> None:
    (lived.data_dir / "admin-secret").write_text("secret\n")
    (lived.data_dir / "runs" / lived.active.id / ".result.json.1.partial").write_text("{")

    ran = _run("backup", "--with-files", tmp_path / "all.tar")

    assert ran.exit_code == 0, ran.output
    with tarfile.open(tmp_path / "all.tar") as tar:
        assert not any("partial" in name for name in tar.getnames())
        tar.extractall(tmp_path / "restored", filter="data")
    restored = tmp_path / "restored"
    assert (restored / "admin-secret").read_text() == "secret\n"
    report = check_store(f"sqlite:///{restored / 'headway.db'}", restored / "runs", deep=True)
    assert report.findings == []
    assert report.counts["runs"] == 5


def test_a_backup_of_postgresql_is_a_dump_that_can_be_restored(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = find_postgres()
    assert binaries is not None
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    lived = live_in(tmp_path / "theirs", postgres.make_database())
    monkeypatch.setenv("HEADWAY_DATABASE_URL", lived.url)

    ran = _run("backup", tmp_path / "copy.dump")

    assert ran.exit_code == 0, ran.output
    restored = postgres.make_database(like="template0")
    subprocess.run(
        [
            binaries / "pg_restore",
            "--no-owner",
            "--dbname",
            f"host={postgres.folder} user=postgres dbname={make_url(restored).database}",
            tmp_path / "copy.dump",
        ],
        check=True,
    )
    assert check_store(restored, lived.data_dir / "runs", deep=True).findings == []
    assert _runs(restored) == _runs(lived.url)


def test_without_pg_dump_the_command_is_told_and_never_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://somebody:geheim@database.example:5433/headway"
    monkeypatch.setenv("HEADWAY_DATABASE_URL", url)
    monkeypatch.setenv("PATH", str(tmp_path))

    ran = _run("backup", tmp_path / "copy.dump")

    assert ran.exit_code == 1
    assert "pg_dump --format=custom" in ran.stderr
    assert "host=database.example" in ran.stderr
    assert "geheim" not in ran.output
    command, variables = dump_command(url, tmp_path / "copy.dump")
    assert "geheim" not in " ".join(command)
    assert variables == {"PGPASSWORD": "geheim"}


def test_a_password_that_only_arguments_could_carry_is_not_given_to_pg_dump(tmp_path: Path) -> None:
    url = "postgresql://somebody@database.example/headway?sslpassword=geheim"

    with pytest.raises(StoreUnavailable, match="PGSERVICEFILE") as caught:
        dump_command(url, tmp_path / "copy.dump")
    assert "geheim" not in str(caught.value)


# migrate


def test_a_store_moves_to_postgresql_whole_and_the_source_stays(
    lived: Lived, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.make_database(like="template0")
    before = (lived.data_dir / "headway.db").read_bytes()

    ran = _run("migrate", "--to", url, "--json")

    assert ran.exit_code == 0, ran.output
    rows = {table["table"]: table["rows"] for table in json.loads(ran.stdout)["tables"]}
    assert (rows["runs"], rows["series"], rows["queue"]) == (5, 2, 1)
    assert (lived.data_dir / "headway.db").read_bytes() == before
    assert _runs(url) == _runs(lived.url)
    report = check_store(url, lived.data_dir / "runs", deep=True)
    assert report.findings == []


def test_a_store_moves_back_to_a_file(postgres: PostgresServer, tmp_path: Path, lived: Lived) -> None:
    url, back = postgres.make_database(like="template0"), f"sqlite:///{tmp_path / 'back.db'}"
    assert _run("migrate", "--to", url).exit_code == 0
    first = json.loads(_run("migrate", "--to", postgres.make_database(like="template0"), "--json").stdout)

    ran = _RUNNER.invoke(app, ["store", "migrate", "--to", back, "--json"], env={"HEADWAY_DATABASE_URL": url})

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == first
    assert _runs(back) == _runs(lived.url)


def test_a_target_with_rows_is_refused_and_left_as_it_is(lived: Lived, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'taken.db'}"
    with closing(open_store(target)) as store:
        store.write(lambda tx: tx.insert_run(make_run(1)))

    ran = _run("migrate", "--to", target)

    assert ran.exit_code == 1
    assert "not empty" in ran.stderr
    with closing(open_store(target)) as store:
        assert store.read(lambda tx: tx.find_run(lived.done.id)) is None
        assert store.read(lambda tx: tx.get_run(run_id(1))) == make_run(1)


def test_a_value_that_the_target_cannot_keep_leaves_it_empty(lived: Lived, postgres: PostgresServer) -> None:
    url = postgres.make_database(like="template0")
    with closing(open_store(lived.url)) as store:
        store.write(lambda tx: tx.insert_run(make_run(1, series="a\x00b")))

    ran = _run("migrate", "--to", url)

    assert ran.exit_code == 1
    assert "nothing was copied" in ran.stderr
    assert _ids(url) == []
    assert _run("migrate", "--to", url).exit_code == 1  # as before: it is still empty, and still refused


def test_nothing_is_moved_under_the_feet_of_a_server(lived: Lived, tmp_path: Path) -> None:
    with _a_server_on(lived.data_dir):
        ran = _run("migrate", "--to", f"sqlite:///{tmp_path / 'new.db'}")
    assert ran.exit_code == 1
    assert "stop it" in ran.stderr
    assert not (tmp_path / "new.db").exists()


def test_a_store_is_not_copied_onto_itself(lived: Lived) -> None:
    ran = _run("migrate", "--to", lived.url)
    assert ran.exit_code == 2
    assert "the store itself" in ran.stderr


# vacuum: the runs of `live_in` ended on the first of January 2026


def test_without_a_word_nothing_is_removed(lived: Lived) -> None:
    before = _runs(lived.url)

    ran = _run("vacuum", "--logs-older-than", "1h", "--metrics-older-than", "1h", "--json")

    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["applied"], len(told["runs"])) == (False, 2)
    assert told["size_bytes"] > 2 * 16_000
    assert _runs(lived.url) == before
    assert "say --apply" in _run("vacuum", "--logs-older-than", "1h").stdout


def test_what_is_old_is_removed_and_the_store_is_sound_and_smaller(lived: Lived) -> None:
    flags = ("--logs-older-than", "1h", "--metrics-older-than", "1d", "--checkpoints-older-than", "1w")
    planned = json.loads(_run("vacuum", *flags, "--json").stdout)

    ran = _run("vacuum", *flags, "--apply", "--json")

    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["runs"] == planned["runs"]
    assert told["database_given_back_bytes"] >= 0
    report = check_store(lived.url, lived.data_dir / "runs", deep=True)
    assert report.findings == []
    assert (report.counts["series"], report.counts["checkpoints"]) == (0, 2)
    assert json.loads(_run("vacuum", *flags, "--json").stdout)["runs"] == []


def test_beside_a_server_nothing_is_written_anew_and_no_run_is_given_up(lived: Lived) -> None:
    with _a_server_on(lived.data_dir):
        refused = _run("vacuum", "--failed-older-than", "1d", "--apply")
        ran = _run("vacuum", "--logs-older-than", "1d", "--apply", "--json")

    assert refused.exit_code == 1
    assert "needs the server to be stopped" in refused.stderr
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["database_given_back_bytes"] is None


@pytest.mark.parametrize("age", ["30", "d", "1.5d", "-3d", "30 d", "1m"])
def test_an_age_that_cannot_be_read_is_refused_with_what_to_write(age: str) -> None:
    ran = _run("vacuum", f"--logs-older-than={age}")
    assert ran.exit_code == 2
    assert "30d" in ran.stderr


def test_retention_on_postgresql_is_the_same(
    lived: Lived, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.make_database(like="template0")
    assert _run("migrate", "--to", url).exit_code == 0
    monkeypatch.setenv("HEADWAY_DATABASE_URL", url)

    ran = _run("vacuum", "--failed-older-than", "1d", "--apply", "--json")

    assert ran.exit_code == 0, ran.output
    assert [run["run_id"] for run in json.loads(ran.stdout)["runs"]] == [lived.failed.id]
    assert check_store(url, lived.data_dir / "runs", deep=True).findings == []
    with closing(open_store(url)) as store:
        rules = Rules(failed=timedelta(days=1))
        assert list(plan_removals(store, lived.data_dir / "runs", rules, utc_now())) == []
