"""Names that try to leave their folder, or their alphabet: they are unknown or invalid, and never a fault."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.calling import Api, make_api

JOBS = "/api/training/jobs"
_OTHER = "tr_1700000000000_00000000"
_TRICKS = [
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cboot.ini",
    "%2fetc%2fpasswd",
    "%00",
    f"{_OTHER}%00",
    f"{_OTHER}%0a",
    f"{_OTHER}%20",
    f"{_OTHER}%2f..",
    f"{_OTHER.upper()}",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%f0%9f%92%a5",
    "%e2%80%ae",
    "%ed%a0%80",
    "tr_%d9%a1%d9%a7%d9%a00000000000_00000000",  # digits of another alphabet
    "~root",
    "CON",
    "'%20OR%201=1--",
    "{job_id}",
    "%25s%25n",
    "None",
    "x" * 3000,
    "%2e%2e%2f" * 300,
]
_ROUTES = [
    ("GET", "/status"), ("GET", "/results"), ("GET", "/events"), ("GET", "/logs"), ("DELETE", ""), ("POST", "/resume"),
]  # fmt: skip


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Over SQLite: a real database refuses numbers and texts that a dictionary takes."""
    tmp_path = tmp_path_factory.mktemp("tricks")
    found = make_api(tmp_path, store_url=f"sqlite:///{tmp_path / 'headway.db'}")
    yield found
    found.service.context.store.close()


@pytest.mark.parametrize("trick", _TRICKS, ids=range(len(_TRICKS)))
def test_an_id_that_is_a_trick_is_not_found(api: Api, trick: str) -> None:
    outside = api.service.context.policy.runs_dir.parent / "attempts" / "1"
    outside.mkdir(parents=True, exist_ok=True)
    (outside / "console.log").write_text("outside")

    for method, rest in _ROUTES:
        answer = api.ask(method, f"{JOBS}/{trick}{rest}")
        assert answer.status_code in (400, 404, 405), (method, rest, answer.text)
        assert {"error", "message"} <= set(answer.json())
        assert "outside" not in answer.text


def test_an_id_as_long_as_an_address_may_be_is_not_found_and_a_longer_one_is_too_long(api: Api) -> None:
    assert api.ask("GET", f"{JOBS}/{'x' * 4000}/status").status_code == 404
    assert api.ask("GET", f"{JOBS}/{'x' * 5000}/status").status_code == 414


@pytest.mark.parametrize(
    "query",
    ["attempt=0", "attempt=-1", "attempt=..", "attempt=1%2f..", "attempt=%00", "attempt=1.5", "attempt=1e3",
     "attempt=%d9%a1x", "attempt=99999999999999999999999999", "attempt=9223372036854775808", "offset=-1", "offset=x",
     f"attempt={'9' * 3900}", "tail=-1", "tail=10001", f"tail={'1' * 500}"],
)  # fmt: skip
def test_an_attempt_an_offset_or_a_tail_that_is_a_trick_is_refused(api: Api, query: str) -> None:
    answer = api.ask("GET", f"{JOBS}/{api.submit()}/logs?{query}")
    assert answer.status_code in (400, 404), answer.text
    assert {"error", "message"} <= set(answer.json())


@pytest.mark.parametrize("offset", [2**31, 2**63 - 1, 2**63, 2**64, 10**30])
def test_an_offset_far_behind_the_end_reads_nothing(api: Api, offset: int) -> None:
    job_id = api.submit()
    attempt = api.service.context.run_dir(job_id).attempt(1)
    attempt.path.mkdir(parents=True, exist_ok=True)
    attempt.console.write_text("line\n")

    answer = api.ask("GET", f"{JOBS}/{job_id}/logs?attempt=1&offset={offset}")

    assert answer.status_code in (200, 400, 404), answer.text
    assert answer.status_code != 200 or answer.text == ""


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


_CURSORS = [
    "",
    "x",
    "..%2f..",
    "%00",
    "%ff",
    "%f0%9f%92%a5",
    "====",
    "A" * 3900,
    _cursor(""),
    _cursor(" "),
    _cursor("2026-01-01T00:00:00.000000Z"),
    _cursor("2026-01-01T00:00:00.000000Z a b"),
    _cursor("yesterday tr_1"),
    _cursor("9999-99-99T00:00:00.000000Z tr_1"),
    _cursor("0000-01-01T00:00:00.000000Z tr_1"),
    _cursor("2026-01-01T00:00:00.000000 tr_1"),
    _cursor("\x00 \x00"),
    base64.urlsafe_b64encode(b"\xff\xfe \xff").decode(),
]


@pytest.mark.parametrize("cursor", _CURSORS, ids=range(len(_CURSORS)))
def test_a_cursor_that_is_no_cursor_is_refused(api: Api, cursor: str) -> None:
    answer = api.ask("GET", f"{JOBS}?cursor={cursor}")
    assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (
        400,
        "invalid_input",
        "cursor",
    )


@pytest.mark.parametrize("run_id", ["../../etc/passwd", "\x00", "💥", "x" * 2000, "'; DROP TABLE runs; --"])
def test_a_cursor_with_a_tricky_id_is_refused(api: Api, run_id: str) -> None:
    api.submit()
    answer = api.ask("GET", JOBS, params={"cursor": _cursor(f"2026-06-01T00:00:00.000000Z {run_id}")})
    assert (answer.status_code, answer.json()["field"]) == (400, "cursor")


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 40, "9223372036854775808", "1\t", "+1", "0x1"])
def test_a_last_event_id_that_is_a_trick_is_refused_or_behind_the_end(api: Api, last: str) -> None:
    job_id = api.submit()
    answer = api.ask("GET", f"{JOBS}/{job_id}/events?follow=false", headers={"Last-Event-ID": last})
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("key", ["x" * 201, "../../etc", "\x7f", "é", "'; --"])
def test_a_key_that_is_a_trick_makes_one_job_or_is_refused(api: Api, key: str) -> None:
    answers = [
        api.ask("POST", JOBS, json={}, headers={"Idempotency-Key": key.encode("latin-1")}) for _ in range(2)
    ]
    assert {answer.status_code for answer in answers} in ({202}, {400})
    assert answers[0].text == answers[1].text


def test_nothing_that_is_sent_back_breaks_a_terminal_or_a_page(api: Api) -> None:
    answer = api.ask("POST", JOBS, json={"timeframe": "\x1b]0;x\x07<script>\u202e" + "y" * 5000})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert "\x1b" not in answer.text
    assert len(answer.text) < 2000


@pytest.mark.parametrize(
    ("text", "is_text"),
    [("\\u0000", False), ("\\ud800", False), ("\\udfff\\ud800", False), ("\\ufffe", True), ("💥", True)],
)
@pytest.mark.parametrize("field", ["notes", "timeframe", "version", "\\ud800"])
def test_characters_that_a_database_cannot_keep_are_refused_or_kept(
    api: Api, field: str, text: str, *, is_text: bool
) -> None:
    before = api.ask("GET", JOBS).json()["total"]
    sent = {"content-type": "application/json"}
    answer = api.ask("POST", JOBS, content=f'{{"{field}": "{text}"}}'.encode(), headers=sent)

    assert answer.status_code == (202 if field == "notes" and is_text else 400), answer.text
    assert api.ask("GET", JOBS).json()["total"] == before + (answer.status_code == 202)


def test_the_folder_of_runs_holds_only_runs(api: Api) -> None:
    runs: Path = api.service.context.policy.runs_dir
    before = sorted(runs.iterdir())
    for trick in _TRICKS[:8]:
        api.ask("POST", f"{JOBS}/{trick}/resume")

    assert sorted(runs.iterdir()) == before
