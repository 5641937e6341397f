from __future__ import annotations

import json

import pytest

from headway.cli.exits import Exit
from tests.unit.cli.running import Skippy
from tests.unit.client.server import JOB, FakeServer, Reply, Stream, end, job, kept, progress


def test_a_status_shows_what_is_known_and_nothing_else(skippy: Skippy, server: FakeServer) -> None:
    server.answer(job(phase="PPO epoch 4/20", etaSeconds=200.4, contact={"state": "lost", "lostSince": None}))
    ran = skippy.run("status", JOB)
    assert ran.code == Exit.DONE
    assert "PPO epoch 4/20" in ran.out
    assert "3 min 20 s" in ran.out
    assert "lost" in ran.out
    assert "None" not in ran.out


def test_the_job_may_be_named_by_position_or_flag(skippy: Skippy, server: FakeServer) -> None:
    server.answer(job())
    assert skippy.run("status", JOB, "--json").document == {"job": job()}
    assert skippy.run("status", "--job", JOB, "--json").document == {"job": job()}
    assert skippy.run("status", JOB, "--job", JOB).code == Exit.DONE


@pytest.mark.parametrize("arguments", [[], [JOB, "--job", f"{JOB[:-1]}e"], ["no-id"]])
@pytest.mark.parametrize("command", ["status", "results", "cancel", "resume", "logs", "events", "watch"])
def test_no_job_or_two_are_a_usage_error(
    skippy: Skippy, server: FakeServer, command: str, arguments: list[str]
) -> None:
    assert skippy.run(command, *arguments).code == Exit.USAGE
    assert server.received == []


def test_results_before_the_end_say_where_the_job_is(skippy: Skippy, server: FakeServer) -> None:
    early = {"error": "not_ready", "message": "the job has not ended", "state": "training"}
    server.on("GET", f"/jobs/{JOB}/results", Reply(409, early))
    ran = skippy.run("results", JOB)
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    assert "training" in ran.err
    assert "skippy-train watch" in ran.err


def test_results_as_json_are_the_servers_own(skippy: Skippy) -> None:
    skippy.prepare_end("done", "completed")
    assert skippy.run("results", JOB, "--json").document["metrics"]["sharpe"] == 1.234
    assert "1.23" in skippy.run("results", JOB).out


def page(*numbers: int, cursor: str | None = None) -> Reply:
    jobs = [job("failed", jobId=f"tr_170000000000{number}_0123abcd", reason="diverged") for number in numbers]
    summary = {"queueLength": 0, "currentJob": None, "isRunning": False}
    return Reply(body={"jobs": jobs, "total": 3, "queue": summary, "nextCursor": cursor})


def test_a_list_is_a_page_and_says_that_there_is_more(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/jobs", page(1, 2, cursor="c1"))
    ran = skippy.run("list", "--state", "failed", "--limit", "2")
    assert "tr_1700000000001_0123abcd" in ran.out
    assert "diverged" in ran.out
    assert "2 of 3 jobs; --all shows the rest" in ran.out
    assert server.asked("GET", "/jobs")[0].query == {"state": "failed", "limit": "2"}


def test_a_whole_list_is_all_pages_as_one_document(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/jobs", page(1, 2, cursor="c1"), page(3))
    document = skippy.run("list", "--all", "--json").document
    assert [one["jobId"][15] for one in document["jobs"]] == ["1", "2", "3"]
    assert document["nextCursor"] is None
    assert server.asked("GET", "/jobs")[1].query["cursor"] == "c1"


QUEUE = {
    "queueLength": 1,
    "isRunning": True,
    "running": [{"jobId": JOB, "symbols": ["BTC"], "state": "training", "progress": 0.5, "slots": ["cpu:0"]}],
    "waiting": [
        {"jobId": f"{JOB[:-1]}e", "position": 0, "symbols": ["ETH"], "createdAt": "2026-11-23T09:05:36Z"}
    ],
    "slots": [{"kind": "cpu", "index": 0, "jobId": JOB}, {"kind": "cpu", "index": 1, "jobId": None}],
}


def test_the_queue_shows_what_runs_what_waits_and_what_is_free(skippy: Skippy, server: FakeServer) -> None:
    server.on("GET", "/queue", Reply(body=QUEUE))
    ran = skippy.run("queue")
    for text in (JOB, "cpu:0", f"{JOB[:-1]}e", "position 0", "1 running, 1 waiting, 1 of 2 slots free"):
        assert text in ran.out
    assert skippy.run("queue", "--json").document == QUEUE


def prepare_cancel(server: FakeServer, state: str, final: str) -> None:
    answer = {"jobId": JOB, "state": state, "cancelRequestedAt": "2026-11-23T09:05:36Z"}
    server.on("DELETE", f"/jobs/{JOB}", Reply(202, answer))
    server.on("GET", f"/jobs/{JOB}/events", Stream((kept(1, "cancel_requested"), end(final))))


@pytest.mark.parametrize(("final", "code"), [("cancelled", Exit.DONE), ("done", Exit.ERROR)])
def test_a_cancel_that_waits_says_whether_it_came_in_time(
    skippy: Skippy, server: FakeServer, final: str, code: Exit
) -> None:
    prepare_cancel(server, "training", final)
    ran = skippy.run("cancel", JOB, "--wait")
    assert ran.code == code
    assert "cancel requested; training until its processes are proven dead" in ran.out
    assert ran.out.splitlines()[-1] == f"{JOB}: {final}"
    lines = skippy.run("cancel", JOB, "--wait", "--json").lines
    assert [line["kind"] for line in lines] == ["cancel_accepted", "cancel_requested", "end"]


def test_a_cancel_returns_at_once_when_it_need_not_wait(skippy: Skippy, server: FakeServer) -> None:
    prepare_cancel(server, "cancelled", "cancelled")
    assert skippy.run("cancel", JOB).out == f"{JOB}: cancelled\n"
    assert skippy.run("cancel", JOB, "--json").document["state"] == "cancelled"
    assert server.asked("GET", f"/jobs/{JOB}/events") == []


def test_a_cancel_after_the_end_is_an_error(skippy: Skippy, server: FakeServer) -> None:
    gone = {"error": "already_ended", "message": "the job has ended", "state": "done"}
    server.on("DELETE", f"/jobs/{JOB}", Reply(409, gone))
    ran = skippy.run("cancel", JOB)
    assert ran.code == Exit.ERROR
    assert "state: done" in ran.err


def test_a_resume_sends_the_limits_that_are_given(skippy: Skippy, server: FakeServer) -> None:
    skippy.prepare_end("done", "completed")
    ran = skippy.run("resume", JOB, "--max-duration", "20", "--max-cost", "9")
    assert ran.out == f"{JOB}: resumed, queue position 0\n"
    skippy.run("resume", JOB)
    bodies = [json.loads(one.body) for one in server.asked("POST", f"/jobs/{JOB}/resume")]
    assert bodies == [{"maxDurationHours": 20.0, "maxCostUsd": 9.0}, {}]
    assert skippy.run("resume", JOB, "--watch", "--json").lines[0]["kind"] == "resumed"


def test_logs_are_shown_as_they_are(skippy: Skippy, server: FakeServer) -> None:
    text = "loss [bold]1.0[/bold] — ü\n"
    server.on("GET", f"/jobs/{JOB}/logs", Reply(200, text.encode(), (("X-Next-Offset", "40"),)))
    assert skippy.run("logs", JOB, "--tail", "5").out == text
    assert skippy.run("logs", JOB, "--json").document == {"text": text, "nextOffset": 40}
    assert server.asked("GET", f"/jobs/{JOB}/logs")[0].query == {"tail": "5"}


def test_followed_logs_keep_characters_whole(skippy: Skippy, server: FakeServer) -> None:
    first, second = "ü\n".encode()[:1], "ü\n".encode()[1:]
    server.answer(job("done"))
    server.on("GET", f"/jobs/{JOB}/logs", Reply(200, first), Reply(200, second), Reply(200, b""))
    assert skippy.run("logs", JOB, "--follow").out == "ü\n"
    server.on("GET", f"/jobs/{JOB}/logs", Reply(200, first), Reply(200, second), Reply(200, b""))
    lines = skippy.run("logs", JOB, "--follow", "--json").lines
    assert "".join(line["text"] for line in lines) == "ü\n"


def test_events_are_lines_with_number_time_and_kind(skippy: Skippy, server: FakeServer) -> None:
    stream = Stream((kept(3, step=7), progress(0.5), kept(4, "run_ended", state="done"), end()))
    server.on("GET", f"/jobs/{JOB}/events", stream)
    for arguments in ([], ["--follow"]):
        lines = skippy.run("events", JOB, "--after", "2", *arguments).out.splitlines()
        assert [line.split()[0] for line in lines] == ["3", "4"]
        assert "2026-11-23 09:05:36 UTC" in lines[0]
        assert "checkpoint_saved" in lines[0]
        assert lines[0].endswith("step=7")
    told = skippy.run("events", JOB, "--after", "2", "--follow", "--json").lines
    assert [line["kind"] for line in told] == ["checkpoint_saved", "progress", "run_ended", "end"]
    told = skippy.run("events", JOB, "--after", "2", "--json").lines
    assert [line["seq"] for line in told] == [3, 4]


@pytest.mark.parametrize("body", [{"job": {"state": "training"}}, {"job": 3}, {}])
def test_an_answer_of_another_shape_is_an_error_without_a_traceback(
    skippy: Skippy, server: FakeServer, body: object
) -> None:
    server.on("GET", f"/jobs/{JOB}/status", Reply(body=body))
    ran = skippy.run("status", JOB)
    assert ran.code == Exit.ERROR
    assert "answer cannot be read" in ran.err
