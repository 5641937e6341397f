"""`headway runs` list, show, watch, compare, cancel, resume."""

from __future__ import annotations

from typing import Annotated

import typer

from headway.cli.common import AsJson, require_number, to_seconds, write_json
from headway.cli.exits import Exit
from headway.cli.render import make_console, say
from headway.cli.render_runs import show_comparison, show_list, show_run
from headway.cli.runs_create import conclude
from headway.cli.runs_session import RunArgument, open_runs
from headway.cli.runs_watch import watch_to_end
from headway.client.runs import RunsClient
from headway.wire.runs import ResumeRun, RunCancelled, RunList

WatchHours = Annotated[
    float | None,
    typer.Option(
        "--watch-timeout", min=0.0, help="Hours to watch; to the end when not given.", callback=require_number
    ),
]


def list_runs(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    *,
    status: Annotated[
        str | None, typer.Option(help="pending, running, completed, failed or cancelled.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs with this tag.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Words of the id, the name, the tags or the notes.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Runs a page.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="All pages.")] = False,
    as_json: AsJson = False,
) -> None:
    """Runs, newest first."""
    with open_runs(context, as_json=as_json) as client:
        which = {"status": status, "tag": tag, "text": search or None}
        page = _list_pages(client, limit, which, every=every)
        write_json(page.model_dump(mode="json")) if as_json else show_list(make_console(), page)


def _list_pages(client: RunsClient, limit: int, which: dict[str, str | None], *, every: bool) -> RunList:
    """A page, or all pages as one."""
    page = client.list(limit=limit, **which)
    found = list(page.runs)
    while every and page.next_cursor:
        page = client.list(limit=limit, cursor=page.next_cursor, **which)
        found += page.runs
    return page.model_copy(update={"runs": found})


def show(context: typer.Context, run: RunArgument, *, as_json: AsJson = False) -> None:
    """How a run stands, and what came of it."""
    with open_runs(context, as_json=as_json) as client:
        found = client.get(run)
        write_json(found.model_dump(mode="json")) if as_json else show_run(make_console(), found)


def watch(
    context: typer.Context, run: RunArgument, *, watch_timeout: WatchHours = None, as_json: AsJson = False
) -> None:
    """Watch a run to its end; the exit code says how it ended. Ctrl-C leaves the training alone."""
    with open_runs(context, as_json=as_json) as client:
        raise typer.Exit(watch_to_end(client, run, deadline_s=to_seconds(watch_timeout), as_json=as_json))


def compare(
    context: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of two runs or more.")],
    *,
    as_json: AsJson = False,
) -> None:
    """On what runs differ: their configurations and their results."""
    if len(runs) < 2:
        raise typer.BadParameter("name two runs or more")
    with open_runs(context, as_json=as_json) as client:
        found = client.compare(runs)
        write_json(found.model_dump(mode="json")) if as_json else show_comparison(make_console(), found)


def cancel(
    context: typer.Context,
    run: RunArgument,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until the death of the training is proven.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a run. It is `cancelled` once none of its processes lives."""
    with open_runs(context, as_json=as_json) as client:
        answer = client.cancel(run)
        if as_json:
            document = answer.model_dump(mode="json")
            write_json({"kind": "cancel_accepted", "data": document} if wait else document, line=wait)
        else:
            say(make_console(), f"{answer.run_id}: {_cancel_text(answer)}")
        if wait:
            code = watch_to_end(client, run, deadline_s=None, as_json=as_json)
            raise typer.Exit(Exit.DONE if code is Exit.CANCELLED else Exit.ERROR)


def _cancel_text(answer: RunCancelled) -> str:
    if answer.status == "cancelled":
        return "cancelled"
    return f"cancel requested; {answer.status} until its processes are proven dead"


def resume(
    context: typer.Context,
    run: RunArgument,
    *,
    max_hours: Annotated[
        float | None,
        typer.Option(help="New limit in hours, for all attempts together.", callback=require_number),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="New limit in US dollars, for all attempts.", callback=require_number)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Watch it to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a failed or cancelled run go on from its newest checkpoint."""
    with open_runs(context, as_json=as_json) as client:
        asked = {"max_hours": max_hours, "max_cost_usd": max_cost}
        limits = ResumeRun(**{name: value for name, value in asked.items() if value is not None})
        conclude(client, client.resume(run, limits), watch=watch, as_json=as_json, done="resumed")
