"""`headway runs`: create forecasting runs, look at them, steer them, fetch what they leave."""

from __future__ import annotations

import typer

from headway.cli import runs_create, runs_look, runs_read
from headway.cli.common import RETRY_FOR_S, RetryFor, Session
from headway.cli.exits import EXIT_CODES

app = typer.Typer(
    help="Runs: create, watch, compare, steer. TRAIN_API_HOST names the server, ADMIN_SECRET opens it.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)


@app.callback()
def root(
    context: typer.Context,
    *,
    retry_for: RetryFor = RETRY_FOR_S,
) -> None:
    """Runs: create, watch, compare, steer. TRAIN_API_HOST names the server, ADMIN_SECRET opens it."""
    context.obj = Session(retry_for_s=retry_for)


app.command()(runs_create.create)
app.command("list")(runs_look.list_runs)
app.command()(runs_look.show)
app.command()(runs_look.watch)
app.command()(runs_read.logs)
app.command()(runs_read.metrics)
app.command()(runs_read.artifacts)
app.command()(runs_look.cancel)
app.command()(runs_look.resume)
app.command()(runs_create.clone)
app.command()(runs_look.compare)
app.command()(runs_read.predict)

predict_app = typer.Typer()
predict_app.command()(runs_read.predict)
