"""The files of `deploy/`, as far as they can be looked at without the programs that read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headway.settings import unknown_names

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def _yaml(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return found


def test_every_setting_that_deployments_name_exists() -> None:
    named = {
        name
        for file in ("Dockerfile", "headway.service")
        for name in re.findall(r"\b(HEADWAY_[A-Z_]+)=", (DEPLOY / file).read_text())
    }
    named |= set(_yaml("compose.yaml")["services"]["headway"]["environment"]) - {"ADMIN_SECRET"}

    assert {"HEADWAY_BIND", "HEADWAY_DATA_DIR", "HEADWAY_HOSTS", "HEADWAY_DATABASE_URL"} <= named
    assert unknown_names(named) == []


def test_the_unit_leaves_trainings_alone() -> None:
    lines = (DEPLOY / "headway.service").read_text().splitlines()

    assert {"KillMode=process", "OOMPolicy=continue", "LimitCORE=0"} <= set(lines)
    assert {"Restart=always", "StartLimitIntervalSec=0"} <= set(lines)
    assert [line for line in lines if line.startswith(("PrivateTmp=", "RuntimeDirectory="))] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_in_the_unit_but_a_program_that_is_not_here(tmp_path: Path) -> None:
    unit = tmp_path / "headway.service"
    unit.write_text(
        (DEPLOY / "headway.service").read_text().replace("/opt/headway/.venv/bin/headway", "/bin/true")
    )
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert [line for line in (told.stdout + told.stderr).splitlines() if "headway.service" in line] == []


def test_the_compose_file_publishes_on_this_machine_alone() -> None:
    compose = _yaml("compose.yaml")
    services = compose["services"]

    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert (DEPLOY.parent / services["headway"]["build"]["dockerfile"]).is_file()
    named = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])
    assert all((DEPLOY / name).exists() for name in named if name.startswith("."))


def test_prometheus_asks_by_a_name_that_the_server_answers_to() -> None:
    (target,) = _yaml("prometheus.yaml")["scrape_configs"][0]["static_configs"][0]["targets"]
    name, port = target.split(":")
    environment = _yaml("compose.yaml")["services"]["headway"]["environment"]

    assert re.split(r"[,$]", environment["HEADWAY_HOSTS"])[0] == name
    assert f"HEADWAY_PORT={port}" in (DEPLOY / "Dockerfile").read_text()


def test_the_image_is_built_from_what_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()

    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed


@pytest.mark.parametrize("path", [DEPLOY / "Dockerfile", ROOT / "docs" / "operations.md"])
def test_the_pages_are_fetched_before_the_package_is_installed(path: Path) -> None:
    text = path.read_text()
    steps = re.findall(r"python (tools/vendor\.py)|pip install -c requirements.lock '\.(\[.+\])'", text)

    assert steps
    assert [bool(vendor) for vendor, _ in steps] == [True, False] * (len(steps) // 2)
