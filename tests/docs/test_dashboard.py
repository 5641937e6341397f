"""The dashboard and the alarms, as far as they can be looked at without Grafana: shape, metrics, PromQL, answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from headway.telemetry.counters import Counters, Load
from tests.e2e.harness import CLIENT, free_port, running_server
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "headway.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS: list[dict[str, Any]] = [target for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [target["expr"] for target in TARGETS]

_COLUMNS = 24
_UNITS = {"none", "s", "h", "bytes"}  # of Grafana's list
_LABELS = {"state", "reason", "le", "job"}

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of Prometheus")
needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus")


def _alarms() -> str:
    (rules,) = re.findall(
        r"^```yaml\n(groups:.*?)^```$",
        (ROOT / "docs" / "monitoring.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return str(rules)


def test_panels_have_ids_titles_units_and_a_data_source_of_the_variable() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    assert {panel["type"] for panel in PANELS} == {"stat", "timeseries"}
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS} <= _UNITS
    sources = [each["datasource"] for each in (*PANELS, *TARGETS)]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    for panel in PANELS:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_panels_lie_within_the_grid_and_none_over_another() -> None:
    places = [panel["gridPos"] for panel in PANELS]

    assert all(place["x"] >= 0 and place["x"] + place["w"] <= _COLUMNS for place in places)
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def test_every_metric_that_the_dashboard_and_the_alarms_name_is_one_of_the_server() -> None:
    exposed = Counters(lambda: Load(0, 0, 0)).render().decode()
    served = dict(re.findall(r"^# TYPE (\S+) (\S+)", exposed, re.MULTILINE))
    told = "\n".join([*EXPRESSIONS, _alarms()])
    named = {name.removesuffix("_bucket") for name in re.findall(r"\btraining_\w+", told)}

    assert named - set(served) == set()
    assert set(re.findall(r"(\w+)(?==~?\")|(?<=by \()\w+", told)) - {""} <= _LABELS


def test_the_provisioning_files_lead_to_the_dashboard_and_to_prometheus() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "headway.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "headway.yaml").read_text())["providers"]
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    interval = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["global"]["scrape_interval"]

    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    assert source["jsonData"]["timeInterval"] == interval
    assert mounts["./grafana/headway.json"] == f"{provider['options']['path']}/headway.json"
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"


@needs_promtool
def test_prometheus_accepts_the_configuration_the_alarms_and_every_expression(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(EXPRESSIONS)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    (tmp_path / "alarms.yaml").write_text(_alarms())

    for words in (
        ("config", DEPLOY / "prometheus.yaml"),
        ("rules", tmp_path / "panels.yaml", tmp_path / "alarms.yaml"),
    ):
        checked = subprocess.run(
            ["promtool", "check", *map(str, words)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_prometheus
@pytest.mark.slow
def test_every_panel_shows_something_of_a_real_server(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, module="tests.fakes.staged_server") as server,
        _prometheus(tmp_path / "prometheus", server.port) as url,
    ):
        _wait_for_answer(url, "training_jobs_total > -1")
        done, failed = server.submit(notes="quick"), server.submit(notes="bug")
        server.wait_for(done, "done")
        server.wait_for(failed, "failed")
        for expr in [*EXPRESSIONS, "increase(training_failures_total[1h]) > 0"]:
            _wait_for_answer(url, expr)


def _wait_for_answer(url: str, expr: str) -> None:
    """Until an expression has a value that is a number."""

    def probe() -> bool:
        answer = CLIENT.get(f"{url}/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", answer
        return any(sample["value"][1] != "NaN" for sample in answer["data"]["result"])

    eventually(probe, what=f"{expr} has a value")


@contextmanager
def _prometheus(folder: Path, port: int) -> Iterator[str]:
    """A Prometheus that asks a server as often as it can; where it answers."""
    folder.mkdir()
    config = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address={address}"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        eventually(lambda: _is_ready(f"http://{address}"), what="Prometheus is ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _is_ready(url: str) -> bool:
    try:
        return CLIENT.get(f"{url}/-/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
