"""`headway`: what it says of itself, of this machine, and of settings that cannot be used."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headway.cli.main import app
from headway.compose import find_secret
from headway.settings import Settings, read_settings, unknown_names
from tests.fakes.candles import write_candles

_RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets: no settings file, no secret, a folder of its own."""
    monkeypatch.setenv("HEADWAY_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("HEADWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HEADWAY_PORT", "1")
    monkeypatch.delenv("ADMIN_SECRET", raising=False)


def _run(*words: str) -> Result:
    return _RUNNER.invoke(app, words)


def test_the_version_is_told() -> None:
    ran = _run("--version")
    assert (ran.exit_code, ran.stdout.strip()) == (0, "0.1.0")


def test_a_command_of_a_client_imports_nothing_of_a_server() -> None:
    """It starts in a quarter of the time so."""
    script = """
import sys
from headway.cli.main import app
app(["runs", "list", "--help"], standalone_mode=False)
print(sorted({"fastapi", "sqlalchemy", "uvicorn"} & set(sys.modules)), "httpx" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[] True"


def test_a_command_that_there_is_not_is_answered_with_those_that_are_like_it() -> None:
    ran = _run("srve")
    assert ran.exit_code == 2
    assert "'serve'" in ran.stderr


def test_doctor_finds_what_is_there_and_names_a_remedy_for_what_is_not(tmp_path: Path) -> None:
    write_candles(tmp_path / "data" / "candles" / "BTCUSDT_1h.csv", bars=600, seed=1)

    ran = _run("doctor", "--json")

    found = {finding["what"]: finding for finding in json.loads(ran.stdout)}
    assert found["engine ppo"]["level"] == "ok"
    assert found["candles BTC"]["found"].endswith("BTCUSDT_1h.csv")
    assert found["candles ETH"]["remedy"] == "headway data fetch ETH"
    assert found["secret"]["level"] == "note"


def test_doctor_shows_a_table_with_what_to_install_in_full() -> None:
    ran = _run("doctor")
    assert "candles BTC" in ran.stdout
    if find_spec("pynvml") is None:
        assert 'pip install "headway[gpu]"' in ran.stdout.replace("\n", "")


def test_doctor_names_a_misspelt_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_DATADIR", "/nowhere")
    ran = _run("doctor", "--json")
    assert ran.exit_code == 1
    assert "HEADWAY_DATADIR" in ran.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HEADWAY_PORT", "70000", "65535"),
        ("HEADWAY_PORT", "http", "integer"),
        ("HEADWAY_GRACE_S", "0", "0.5"),
        ("HEADWAY_LOG_LEVEL", "LOUD", "INFO"),
        ("HEADWAY_MAX_HOURS", "nan", "HEADWAY_MAX_HOURS"),
        ("ADMIN_SECRET", " ", "empty"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_bound(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = _run("serve")
    assert ran.exit_code == 2
    assert name in ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("HEADWAY_PORT", str(taken.getsockname()[1]))
        ran = _run("serve")
    assert ran.exit_code == 2
    assert "Set HEADWAY_PORT to a free port" in ran.stderr


def test_a_settings_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.toml").write_text("port = 5001\njobs_per_hour = 7\n")
    monkeypatch.setenv("HEADWAY_CONFIG", str(tmp_path / "file.toml"))
    settings = read_settings()
    assert (settings.port, settings.jobs_per_hour) == (1, 7)


def test_a_settings_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.toml").write_text("port = \n")
    for name in ("broken.toml", "x" * 300):  # no TOML; no name that a file can have
        monkeypatch.setenv("HEADWAY_CONFIG", str(tmp_path / name))
        ran = _run("serve")
        assert ran.exit_code == 2
        assert "cannot be read" in ran.stderr
        assert "HEADWAY_CONFIG" in ran.stderr


def test_a_secret_is_made_once_and_is_only_for_its_owner(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    made, is_new = find_secret(settings)
    again, is_new_again = find_secret(settings)

    assert (is_new, is_new_again, again) == (True, False, made)
    assert len(made) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "admin-secret").stat().st_mode) == 0o600


def test_an_empty_file_of_the_secret_opens_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    (settings.data_dir / "admin-secret").write_text("\n")

    made, is_new = find_secret(settings)

    assert is_new
    assert made


def test_names_that_are_settings_are_known() -> None:
    assert unknown_names(["HEADWAY_PORT", "HEADWAY_CONFIG", "HOME", "HEADWAY_PROT"]) == ["HEADWAY_PROT"]
