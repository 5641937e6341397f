"""`headway notify`: try out the messages to people."""

from __future__ import annotations

import typer

from headway.cli.errors import told_errors
from headway.cli.exits import Exit
from headway.cli.render import make_console, say
from headway.compose import make_notifier
from headway.domain.errors import InvalidInput
from headway.settings import read_settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Messages to people: try them out."""


@app.command("test")
def send_test() -> None:
    """Send a message to every one of HEADWAY_NOTIFY_URLS; exit code 1 when one of them was not reached."""
    with told_errors(as_json=False):
        notifier = make_notifier(read_settings())
        if notifier is None:
            raise InvalidInput("HEADWAY_NOTIFY_URLS", "", "it is empty", remedy="See docs/webhooks.md")
        reached = notifier.notify("Headway: a test", "Messages about runs will look like this one.")
    say(make_console(), "everybody was reached" if reached else "not everybody was reached: check the URLs")
    raise typer.Exit(Exit.DONE if reached else Exit.ERROR)
