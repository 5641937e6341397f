"""`skippy-train` status, results, list, queue, cancel, resume, watch."""

from __future__ import annotations

from typing import Annotated

import typer

from headway.cli.common import AsJson, require_number, to_seconds, write_json
from headway.cli.exits import Exit
from headway.cli.render import make_console, number_text, say, text_of
from headway.cli.render_jobs import show_job, show_list, show_queue, show_results
from headway.cli.skippy_session import JobArgument, JobOption, open_client, require_job
from headway.cli.skippy_watch import choose_view, follow_to_end, say_detached, watch_to_end
from headway.client.answers import Body
from headway.client.jobs import JobsClient
from headway.domain.states import State
from headway.wire.jobs import CancelAccepted, JobList, JobResults, JobStatus, QueueStatus

WatchHours = Annotated[
    float | None,
    typer.Option(
        "--watch-timeout", min=0.0, help="Hours to watch; to the end when not given.", callback=require_number
    ),
]


def status(
    context: typer.Context, job: JobArgument = None, *, flag: JobOption = None, as_json: AsJson = False
) -> None:
    """How a job stands."""
    with open_client(context, as_json=as_json) as client:
        answer = client.status(require_job(job, flag))
        if as_json:
            write_json(answer)
        else:
            show_job(make_console(), JobStatus.model_validate(answer).job)


def results(
    context: typer.Context, job: JobArgument = None, *, flag: JobOption = None, as_json: AsJson = False
) -> None:
    """What came of a job that has ended."""
    with open_client(context, as_json=as_json) as client:
        answer = client.results(require_job(job, flag))
        if as_json:
            write_json(answer)
        else:
            show_results(make_console(), JobResults.model_validate(answer))


def list_jobs(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Jobs a page.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="All pages.")] = False,
    as_json: AsJson = False,
) -> None:
    """Jobs, newest first."""
    with open_client(context, as_json=as_json) as client:
        answer = _list_pages(client, state, limit, every=every)
        if as_json:
            write_json(answer)
        else:
            show_list(make_console(), JobList.model_validate(answer))


def _list_pages(client: JobsClient, state: str | None, limit: int, *, every: bool) -> Body:
    """A page, or all pages as one."""
    page = client.list(limit=limit, state=state)
    jobs = list(page.get("jobs", []))
    while every and page.get("nextCursor"):
        page = client.list(limit=limit, state=state, cursor=page["nextCursor"])
        jobs.extend(page.get("jobs", []))
    return {**page, "jobs": jobs}


def queue(context: typer.Context, *, as_json: AsJson = False) -> None:
    """What runs, what waits, and which slots are free."""
    with open_client(context, as_json=as_json) as client:
        answer = client.queue()
        if as_json:
            write_json(answer)
        else:
            show_queue(make_console(), QueueStatus.model_validate(answer))


def cancel(
    context: typer.Context,
    job: JobArgument = None,
    *,
    flag: JobOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until the death of the job is proven.")] = False,
    watch_timeout: WatchHours = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a job. It is `cancelled` once none of its processes lives."""
    with open_client(context, as_json=as_json) as client:
        job_id = require_job(job, flag)
        answer = client.cancel(job_id)
        _show_cancel(answer, as_json=as_json, last=not wait)
        if wait:
            raise typer.Exit(_wait_for_cancel(client, job_id, watch_timeout, as_json=as_json))


def _show_cancel(answer: Body, *, as_json: bool, last: bool) -> None:
    if as_json:
        write_json(answer if last else {"kind": "cancel_accepted", "data": answer}, line=not last)
        return
    accepted = CancelAccepted.model_validate(answer)
    over = accepted.state == State.CANCELLED
    text = "cancelled" if over else f"cancel requested; {accepted.state} until its processes are proven dead"
    say(make_console(), f"{accepted.job_id}: {text}")


def _wait_for_cancel(client: JobsClient, job_id: str, hours: float | None, *, as_json: bool) -> Exit:
    """DONE when the job is cancelled; ERROR when it had ended otherwise before the cancel reached it."""
    console = make_console()
    view = choose_view(console, job_id, as_json=as_json)
    try:
        state = follow_to_end(client, job_id, view, to_seconds(hours))
    except KeyboardInterrupt:
        say_detached(job_id, as_json=as_json)
        return Exit.DONE
    if not as_json:
        say(console, f"{job_id}: {state}")
    return Exit.DONE if state == State.CANCELLED else Exit.ERROR


def resume(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    job: JobArgument = None,
    *,
    flag: JobOption = None,
    max_duration: Annotated[
        float | None,
        typer.Option(help="New limit in hours, for all attempts together.", callback=require_number),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="New limit in US dollars, for all attempts.", callback=require_number)
    ] = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="Watch it to its end.")] = False,
    watch_timeout: WatchHours = None,
    as_json: AsJson = False,
) -> None:
    """Let a failed or cancelled job go on from its newest checkpoint."""
    asked = {"maxDurationHours": max_duration, "maxCostUsd": max_cost}
    limits = {name: value for name, value in asked.items() if value is not None}
    with open_client(context, as_json=as_json) as client:
        job_id = require_job(job, flag)
        answer = client.resume(job_id, **limits)
        if as_json:
            write_json({"kind": "resumed", "data": answer} if watch_it else answer, line=watch_it)
        else:
            place = number_text(answer.get("queuePosition"), 0)
            say(make_console(), f"{text_of(answer.get('jobId', job_id))}: resumed, queue position {place}")
        if watch_it:
            raise typer.Exit(
                watch_to_end(client, job_id, deadline_s=to_seconds(watch_timeout), as_json=as_json)
            )


def watch(
    context: typer.Context,
    job: JobArgument = None,
    *,
    flag: JobOption = None,
    watch_timeout: WatchHours = None,
    as_json: AsJson = False,
) -> None:
    """Watch a job to its end; the exit code says how it ended."""
    with open_client(context, as_json=as_json) as client:
        job_id = require_job(job, flag)
        raise typer.Exit(watch_to_end(client, job_id, deadline_s=to_seconds(watch_timeout), as_json=as_json))
