"""Watch a job to its end, then show what came of it. Ctrl-C detaches; the job goes on."""

from __future__ import annotations

from rich.console import Console

from headway.cli.common import write_json
from headway.cli.exits import Exit
from headway.cli.live import JsonView, LiveView, PlainView, View
from headway.cli.render import make_console, say
from headway.cli.render_jobs import show_results
from headway.client.answers import END
from headway.client.follow import Follower
from headway.client.jobs import JobsClient
from headway.domain.states import State
from headway.wire.jobs import JobResults

_EXITS: dict[str, Exit] = {
    State.DONE: Exit.DONE,
    State.FAILED: Exit.FAILED,
    State.CANCELLED: Exit.CANCELLED,
}


def watch_to_end(client: JobsClient, job_id: str, *, deadline_s: float | None, as_json: bool) -> Exit:
    """Show a job until it ends, then its results; the exit code that says how it ended.

    Raises WatchTimeout after `deadline_s`.
    """
    console = make_console()
    try:
        state = follow_to_end(client, job_id, choose_view(console, job_id, as_json=as_json), deadline_s)
    except KeyboardInterrupt:
        say_detached(job_id, as_json=as_json)
        return Exit.DONE
    results = client.results(job_id)
    if as_json:
        write_json({"kind": "results", "data": results}, line=True)
    else:
        show_results(console, JobResults.model_validate(results))
    return _EXITS.get(state, Exit.ERROR)


def follow_to_end(client: JobsClient, job_id: str, view: View, deadline_s: float | None) -> str:
    """Show all that is told of a job; the state in which it ended."""
    follower = Follower(client, job_id, deadline_s=deadline_s, on_contact=view.show_contact)
    with view:
        for news in follower.follow():
            view.show(news)
            if news.kind == END:
                return str(news.data.get("state"))
    raise AssertionError("a follower ends with an end")


def choose_view(console: Console, job_id: str, *, as_json: bool) -> View:
    """JSON lines when asked for, a live picture on a terminal, else plain lines."""
    if as_json:
        return JsonView()
    return LiveView(console, job_id) if console.is_terminal else PlainView(console)


def say_detached(job_id: str, *, as_json: bool) -> None:
    """How to come back and how to cancel; on standard error when standard output is for programs."""
    console = make_console(stderr=as_json)
    say(console, f"\nDetached. {job_id} goes on.")
    say(console, f"  come back: skippy-train watch {job_id}")
    say(console, f"  cancel:    skippy-train cancel {job_id}")
