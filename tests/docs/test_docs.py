"""The documentation names all there is, its links resolve, and its examples are what the code makes of them."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fastapi.routing import APIRoute
from standardwebhooks import WebhookVerificationError
from typer.core import TyperGroup

from headway.api.datasets import make_datasets_router
from headway.api.errors import ANSWERS
from headway.api.guards import fingerprint
from headway.api.jobs import make_jobs_router
from headway.api.run_files import make_files_router
from headway.api.run_series import make_series_router
from headway.api.runs import make_runs_router
from headway.api.service import Service
from headway.api.sessions import make_sessions_router
from headway.api.webhooks import make_webhooks_router
from headway.cli.exits import Exit
from headway.cli.hooks import app as hooks
from headway.cli.skippy import app as skippy
from headway.cli.store import app as store
from headway.control.context import Policy
from headway.control.translate import spec_of_job
from headway.domain.clock import utc_now
from headway.domain.errors import InvalidInput
from headway.domain.events import EventKind
from headway.domain.reasons import Reason, rule_of
from headway.domain.states import State
from headway.domain.trading import FEATURE_GROUPS
from headway.domain.webhooks import Webhook, make_headers, new_secret
from headway.settings import Settings
from headway.telemetry.counters import Counters, Load
from headway.wire.attempts import Verb
from headway.wire.jobs import TrainingRequest
from headway.wire.lines import LineKind, decode_line
from tests.fakes.services import FakePredictor, make_services
from tests.integration.calling import make_api

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
_LINK_TEXT = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_STEPS_ROW = re.compile(r"^\| `(\{.*?\})` \| (\S+) \|", re.MULTILINE)


@cache
def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@cache
def anchors_of(path: Path) -> frozenset[str]:
    """The anchors that a renderer makes of the headings of a page."""
    prose = _FENCE.sub("", path.read_text("utf-8"))
    found: dict[str, int] = {}
    anchors = set()
    for heading in _HEADING.findall(prose):
        text = _LINK_TEXT.sub(r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        anchors.add(f"{slug}-{count}" if count else slug)
    return frozenset(anchors)


def broken_links(page: Path) -> list[str]:
    """Relative links that lead nowhere."""
    prose = _FENCE.sub("", page.read_text("utf-8"))
    return [link for link in _LINK.findall(prose) if not _resolves(page, link)]


def _resolves(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors_of(target))


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL)


def missing_names(page: str, names: list[str]) -> list[str]:
    """Names that stand nowhere in backticks on a page."""
    text = read(page)
    return [name for name in names if f"`{name}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_map_leads_to_every_page() -> None:
    linked = {link.partition("#")[0] for link in _LINK.findall(read("docs/index.md"))}
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}

    assert pages - linked - {"index.md"} == set()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/states-and-reasons.md", [*State, *Reason]),
        ("docs/events.md", [*EventKind]),
        ("docs/run-directory.md", [*LineKind]),
        ("docs/supervisor.md", [*Verb]),
        ("docs/TRAINING_JOBS.md", [*FEATURE_GROUPS]),
    ],
)
def test_every_name_of_the_domain_stands_on_its_page(page: str, names: list[str]) -> None:
    assert missing_names(page, [str(name) for name in names]) == []


@pytest.mark.parametrize("reason", Reason)
def test_the_row_of_a_reason_tells_its_end_and_whether_it_is_retried(reason: Reason) -> None:
    rule = rule_of(reason)
    retried = "yes" if rule.retried else "no"

    assert f"| `{reason}` | {rule.end} | {retried} |" in read("docs/states-and-reasons.md")


def _shown_name(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias) if alias else f"HEADWAY_{name.upper()}"


def test_every_setting_has_a_row() -> None:
    rows = read("docs/settings.md")

    assert [name for name in map(_shown_name, Settings.model_fields) if f"\n| `{name}` |" not in rows] == []
    assert missing_names("docs/settings.md", ["HEADWAY_CONFIG", "TRAIN_API_HOST"]) == []


def test_the_settings_file_of_the_example_is_accepted() -> None:
    (example,) = code_blocks("docs/settings.md", "toml")

    assert Settings(**tomllib.loads(example)).symbols == ("BTC", "ETH", "SOL")


def test_every_line_of_the_log_has_an_example_that_can_be_read() -> None:
    (example,) = code_blocks("docs/run-directory.md", "jsonl")
    lines = [decode_line(raw) for raw in example.encode().splitlines()]

    assert {line.kind for line in lines} == set(LineKind)
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_json_example_is_json(page: str) -> None:
    for block in code_blocks(page, "json"):
        json.loads(block)


def test_the_examples_of_steps_and_hours_are_what_the_rule_gives() -> None:
    rows = _STEPS_ROW.findall(read("docs/TRAINING_JOBS.md"))

    assert len(rows) >= 10
    assert [_hours_of(json.loads(body)) for body, _ in rows] == [hours for _, hours in rows]


def _hours_of(body: dict[str, Any]) -> str:
    policy = Policy(runs_dir=ROOT, candles_dir=ROOT)
    try:
        duration_s = spec_of_job(TrainingRequest.model_validate(body), policy).limits.duration_s
    except InvalidInput:
        return "refused"
    return f"{(duration_s or 0.0) / 3600.0:g}"


def test_every_error_code_has_a_row_with_its_status() -> None:
    text = read("docs/TRAINING_JOBS.md")

    assert [a for a in ANSWERS.values() if f"| {a.status} | `{a.code}` |" not in text] == []


def test_every_exit_code_has_a_row() -> None:
    text = read("docs/TRAINING_JOBS.md")

    assert [code for code in Exit if f"| {code.value} | `{code.name}` |" not in text] == []


def test_every_route_has_a_section(tmp_path: Path) -> None:
    context = make_services(tmp_path).context
    service = Service(context, fingerprint("secret"), Counters(lambda: Load(0, 0, 0)), FakePredictor())
    jobs = (make_jobs_router, make_sessions_router)
    runs = (make_runs_router, make_series_router, make_files_router, make_datasets_router)
    for page, makers, count in (("docs/TRAINING_JOBS.md", jobs, 10), ("docs/RUNS.md", runs, 17)):
        routes = [route for make in makers for route in make(service).routes]
        headings = _HEADING.findall(_FENCE.sub("", read(page)))
        found = [
            f"{method} {r.path.removesuffix(':path}')}" + ("}" if r.path.endswith(":path}") else "")
            for r in routes
            if isinstance(r, APIRoute)
            for method in r.methods or ()
        ]

        assert len(found) == count
        assert sorted(set(found) - set(headings)) == []


def test_every_command_and_every_flag_of_skippy_train_is_told() -> None:
    text = read("docs/TRAINING_JOBS.md")
    group = typer.main.get_command(skippy)
    assert isinstance(group, TyperGroup)
    parameters = [p for command in (group, *group.commands.values()) for p in command.params]
    flags = {name for p in parameters for name in (*p.opts, *p.secondary_opts) if name.startswith("-")}

    assert [name for name in group.commands if f"`skippy-train {name}" not in text] == []
    assert sorted(flag for flag in flags if f"`{flag}" not in text) == []


def test_every_command_and_every_flag_of_headway_store_is_told() -> None:
    text = read("docs/store.md") + read("docs/operations.md")
    group = typer.main.get_command(store)
    assert isinstance(group, TyperGroup)
    flags = {name for command in group.commands.values() for p in command.params for name in p.opts}

    assert [name for name in group.commands if f"`headway store {name}" not in text] == []
    assert sorted(flag for flag in flags if flag.startswith("-") and flag not in text) == []


def test_every_metric_of_the_service_is_told() -> None:
    exposed = Counters(lambda: Load(0, 0, 0)).render().decode()
    names = [
        name for name in re.findall(r"^# TYPE (\S+)", exposed, re.MULTILINE) if not name.endswith("_created")
    ]

    assert missing_names("docs/monitoring.md", names) == []


def test_every_route_and_command_of_webhooks_is_told(tmp_path: Path) -> None:
    service = make_api(tmp_path).service
    routes = [route for route in make_webhooks_router(service).routes if isinstance(route, APIRoute)]
    group = typer.main.get_command(hooks)
    assert isinstance(group, TyperGroup)
    text = read("docs/webhooks.md")

    found = [f"{method} {route.path}" for route in routes for method in route.methods or ()]
    assert len(found) == 10
    assert sorted(route for route in found if f"| `{route}` |" not in text) == []
    assert [name for name in group.commands if f"| `headway hooks {name}" not in text] == []


def test_the_snippet_that_verifies_a_webhook_works() -> None:
    (snippet,) = code_blocks("docs/webhooks.md", "python")
    (example,) = code_blocks("docs/webhooks.md", "json")
    names: dict[str, Any] = {}
    exec(snippet, names)
    webhook = Webhook("wh_1", "https://hooks.example.org", new_secret(), utc_now(), 0)
    seen: set[str] = set()
    headers = make_headers(webhook, "msg_1", example, utc_now())

    assert names["receive"](webhook.secret, example.encode(), headers, seen) == json.loads(example)
    assert names["receive"](webhook.secret, example.encode(), headers, seen) is None
    with pytest.raises(WebhookVerificationError):
        names["receive"](new_secret(), example.encode(), headers, seen)
