"""`headway hooks`: webhooks of a server, over its API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from headway.cli.errors import told_errors
from headway.cli.exits import Exit
from headway.cli.render import (
    MISSING,
    count_text,
    make_console,
    names_text,
    pairs_table,
    rows_table,
    say,
    text_of,
    time_text,
)
from headway.cli.server import read_host, read_secret
from headway.client.webhooks import WebhooksClient
from headway.domain.events import EventKind
from headway.domain.webhooks import DeliveryState

app = typer.Typer(help="Webhooks: have events sent to an address.", no_args_is_help=True)

Hook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id of the webhook.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where events go.", show_default=False)],
    *,
    kind: Annotated[
        list[EventKind] | None, typer.Option(help="A kind of event; may be repeated. Default: all.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Only runs of this engine.")] = None,
    run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
    description: Annotated[str, typer.Option(help="A word for people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have events sent to an address. The secret that verifies them is shown once."""
    asked = {
        "url": url,
        "kinds": list(kind or ()),
        "engine": engine,
        "runId": run,
        "description": description,
    }
    with _client(as_json=as_json) as client:
        _show_secret(client.add(asked), as_json=as_json)


@app.command("list")
def list_hooks(*, as_json: AsJson = False) -> None:
    """List the webhooks and how many deliveries wait, arrived, are dead."""
    with _client(as_json=as_json) as client:
        answer = client.list()
    if as_json:
        _write(answer)
        return
    table = rows_table("webhook", "url", "kinds", "active", "waiting", "delivered", "dead")
    for hook in answer["webhooks"]:
        counts = [count_text(hook["deliveries"][state.value]) for state in DeliveryState]
        active = "yes" if hook["active"] else "no"
        table.add_row(hook["id"], text_of(hook["url"]), names_text(hook["kinds"] or ["all"]), active, *counts)
    make_console().print(table)


@app.command()
def show(hook: Hook, *, as_json: AsJson = False) -> None:
    """Show one webhook."""
    with _client(as_json=as_json) as client:
        _show(client.get(hook), as_json=as_json)


@app.command()
def change(
    hook: Hook,
    *,
    url: Annotated[str | None, typer.Option(help="A new address.")] = None,
    kind: Annotated[list[EventKind] | None, typer.Option(help="Other kinds; may be repeated.")] = None,
    active: Annotated[
        bool | None, typer.Option("--on/--off", help="Switch it on or off.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change address or kinds, or switch a webhook off and on."""
    changes = {"url": url, "kinds": list(kind) if kind else None, "active": active}
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        raise typer.BadParameter("say what is to change: --url, --kind, --on or --off")
    with _client(as_json=as_json) as client:
        _show(client.change(hook, given), as_json=as_json)


@app.command()
def remove(hook: Hook) -> None:
    """Remove a webhook with all its deliveries."""
    with _client(as_json=False) as client:
        client.remove(hook)
    say(make_console(), f"{hook} is removed")


@app.command()
def rotate(hook: Hook, *, as_json: AsJson = False) -> None:
    """Make a new secret; the one before signs too, for 24 hours."""
    with _client(as_json=as_json) as client:
        _show_secret(client.rotate(hook), as_json=as_json)


@app.command("test")
def send_ping(hook: Hook, *, as_json: AsJson = False) -> None:
    """Send a signed ping now; exit code 1 when it was not answered with 2xx."""
    with _client(as_json=as_json) as client:
        result = client.test(hook)
    if as_json:
        _write(result)
    else:
        told = f"delivered, answered {result['status']}" if result["delivered"] else text_of(result["error"])
        say(make_console(), told)
    raise typer.Exit(Exit.DONE if result["delivered"] else Exit.ERROR)


@app.command()
def deliveries(
    hook: Hook,
    *,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="nextCursor of the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest event first."""
    with _client(as_json=as_json) as client:
        page = client.deliveries(hook, limit=limit, state=state and state.value, cursor=cursor)
    if as_json:
        _write(page)
        return
    table = rows_table("delivery", "run", "kind", "state", "tries", "error", "next try")
    for found in page["deliveries"]:
        words = (found["id"], found["runId"], found["kind"], found["state"])
        error, next_at = text_of(found["error"]), time_text(found["nextAt"])
        table.add_row(*words, count_text(found["tries"]), error, next_at)
    make_console().print(table)
    if page["nextCursor"]:
        say(make_console(), f"more: --cursor {page['nextCursor']}")


@app.command()
def replay(
    hook: Hook,
    delivery: Annotated[str | None, typer.Argument(help="Id of the delivery.", show_default=False)] = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Every dead delivery instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a delivery once more, or every dead one."""
    if (delivery is None) is not dead:
        raise typer.BadParameter("name one delivery, or say --dead")
    with _client(as_json=as_json) as client:
        answer = client.replay(hook, delivery) if delivery else client.replay_dead(hook)
    if as_json:
        _write(answer)
    else:
        say(make_console(), f"{answer.get('replayed', 1)} to be sent again")


@contextmanager
def _client(*, as_json: bool) -> Iterator[WebhooksClient]:
    with told_errors(as_json=as_json):
        host = read_host()
        with WebhooksClient(host, read_secret(host)) as client:
            yield client


def _show_secret(answer: Mapping[str, Any], *, as_json: bool) -> None:
    _show(answer, as_json=as_json)
    if not as_json:
        say(make_console(), f"secret    {answer['secret']}  (shown once: give it to the receiver)")


def _show(answer: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        _write(answer)
        return
    hook = answer["webhook"]
    counts = ", ".join(f"{hook['deliveries'][state.value]} {state.value}" for state in DeliveryState)
    table = pairs_table()
    for name, value in (
        ("webhook", hook["id"]),
        ("url", hook["url"]),
        ("kinds", names_text(hook["kinds"] or ["all"])),
        ("engine", hook["engine"] or "any"),
        ("run", hook["runId"] or "any"),
        ("active", "yes" if hook["active"] else f"no: {hook['inactiveWhy'] or MISSING}"),
        ("deliveries", counts),
        ("description", hook["description"]),
    ):
        table.add_row(name, text_of(value))
    make_console().print(table)


def _write(document: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2))
