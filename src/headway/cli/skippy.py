"""`skippy-train`: submit trainings to a server, look at them, steer them.

The exit codes are those of `headway.cli.exits.Exit`.
"""

from __future__ import annotations

import typer

from headway.cli import skippy_jobs, skippy_submit, skippy_tell
from headway.cli.common import RETRY_FOR_S, RetryFor, Session
from headway.cli.exits import EXIT_CODES

app = typer.Typer(
    help="Train through a Headway server: TRAIN_API_HOST names it, ADMIN_SECRET opens it.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(epilog=EXIT_CODES)
def root(
    context: typer.Context,
    *,
    retry_for: RetryFor = RETRY_FOR_S,
) -> None:
    """Train through a Headway server: TRAIN_API_HOST names it, ADMIN_SECRET opens it."""
    context.obj = Session(retry_for_s=retry_for)


app.command()(skippy_submit.ppo)
app.command()(skippy_jobs.status)
app.command()(skippy_jobs.results)
app.command("list")(skippy_jobs.list_jobs)
app.command()(skippy_jobs.queue)
app.command()(skippy_jobs.cancel)
app.command()(skippy_jobs.resume)
app.command()(skippy_jobs.watch)
app.command()(skippy_tell.logs)
app.command()(skippy_tell.events)


if __name__ == "__main__":
    app()
