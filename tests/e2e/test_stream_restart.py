"""Watching a run while its server is killed and started again: nothing is missing, nothing comes twice."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from headway.client.patience import ContactChange
from headway.client.runs import RunsClient
from headway.client.watch import RunFollower
from headway.wire.lines import LineKind, read_lines
from headway.wire.stream import StreamFrame
from tests.e2e.harness import SECRET, Server, running_server
from tests.waiting import eventually

pytestmark = pytest.mark.slow

_ROUNDS = 2


def _steps(frames: list[StreamFrame]) -> list[int]:
    return [frame.data["step"] for frame in frames if frame.event_type == "metrics"]


def _console(frames: list[StreamFrame]) -> str:
    logs = [frame.data for frame in frames if frame.event_type == "log"]
    return "".join(data["message"] for data in logs if data["source"] == "console")


def _has_told(frames: list[StreamFrame], rows: int) -> bool:
    return len(_steps(frames)) > rows


def _watch(server: Server, run_id: str, frames: list[StreamFrame], changes: list[ContactChange]) -> None:
    with RunsClient(server.url, SECRET) as client:
        frames.extend(RunFollower(client, run_id, after="start", on_contact=changes.append).follow())


def test_a_watcher_gets_every_row_and_every_byte_over_kills_of_the_server(tmp_path: Path) -> None:
    frames: list[StreamFrame] = []
    changes: list[ContactChange] = []
    with running_server(tmp_path, module="tests.fakes.staged_server") as server:
        run_id = server.submit(notes="until told")
        watching = threading.Thread(target=_watch, args=(server, run_id, frames, changes))
        watching.start()
        for _ in range(_ROUNDS):
            enough = len(_steps(frames)) + 5
            eventually(partial(_has_told, frames, enough), what="rows are told")
            server.kill()
            server.start()
        (server.run_dir(run_id).path / "go").touch()
        watching.join(60)
        attempt = server.run_dir(run_id).attempt(1)
        written = read_lines(attempt.events.read_bytes()).lines
        console = attempt.console.read_text()

    rows = [row[0] for line in written if line.kind is LineKind.METRICS for row in line.data["rows"]]
    assert _steps(frames) == rows
    assert _console(frames) == console
    assert frames[-1].data["final"] is True
    assert sum(change.lost for change in changes) >= _ROUNDS
