"""`headway runs` create and clone: what to train, a look at it before, and the watch after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.common import AsJson, require_number, split_names, to_seconds, write_json
from headway.cli.errors import tell_error
from headway.cli.exits import Exit
from headway.cli.render import make_console, say
from headway.cli.render_runs import show_created, show_preview
from headway.cli.runs_request import read_request, read_settings, to_shape
from headway.cli.runs_session import PROGRAM, RunArgument, open_runs
from headway.cli.runs_watch import watch_to_end
from headway.client.errors import ApiError, ServerUnreachable
from headway.client.runs import RunsClient
from headway.domain.ids import new_token
from headway.wire.runs import CloneRequest, RunCreated

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any field of the whole configuration; may be repeated."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key", help="Sent twice, it makes one run; random when not given.", show_default=False
    ),
]
WatchIt = Annotated[bool, typer.Option("--watch", help="Watch it to its end.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]
TagList = Annotated[
    list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by; may be repeated.")
]
Notes = Annotated[str | None, typer.Option(help="A text that is kept with the run.")]


def create(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="YAML or JSON; flags win over it.", show_default=False),
    ] = None,
    *,
    data: Annotated[str | None, typer.Option(help="A symbol, or a file of the server's candles.")] = None,
    timeframes: Annotated[
        str | None, typer.Option(help="Lengths of a bar, with commas between: 1h,4h.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="tiny, base, medium or large.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most.")] = None,
    start: Annotated[str | None, typer.Option(help="First day of the data, ISO 8601.")] = None,
    end: Annotated[str | None, typer.Option(help="Day before which the data end, ISO 8601.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the server draws one when none is given.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher starts sooner.")] = None,
    max_hours: Annotated[
        float | None, typer.Option(help="Hours after which it is stopped.", callback=require_number)
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="US dollars after which it is stopped.", callback=require_number)
    ] = None,
    settings: Settings = None,
    name: Name = None,
    tags: TagList = None,
    notes: Notes = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would be trained; create nothing.")
    ] = False,
    watch: WatchIt = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Train a forecasting model: from a file, from flags, or both."""
    with open_runs(context, as_json=as_json) as client:
        config = {
            "data_source": data,
            "timeframes": split_names(timeframes) if timeframes else None,
            "variant": variant,
            "max_epochs": epochs,
            "start_date": start,
            "end_date": end,
            "seed": seed,
            "priority": priority,
            "max_hours": max_hours,
            "max_cost_usd": max_cost,
            "overrides": read_settings(settings) if settings else None,
        }
        request = read_request(file, config, {"name": name, "tags": tags, "notes": notes})
        if preview:
            found = client.preview(request)
            write_json(found.model_dump(mode="json")) if as_json else show_preview(make_console(), found)
            return
        chosen = key or new_token()
        created = accept(lambda: client.create(request, chosen), chosen, as_json=as_json)
        conclude(client, created, watch=watch, as_json=as_json)


def clone(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    run: RunArgument,
    *,
    settings: Settings = None,
    name: Name = None,
    tags: TagList = None,
    notes: Notes = None,
    watch: WatchIt = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Train the same once more; --set replaces fields of what was asked for, such as variant=tiny."""
    with open_runs(context, as_json=as_json) as client:
        config = read_settings(settings) if settings else None
        given = {"config": config, "name": name, "tags": tags, "notes": notes}
        document = {field: value for field, value in given.items() if value is not None}
        request = to_shape(CloneRequest, document)
        chosen = key or new_token()
        created = accept(lambda: client.clone(run, request, chosen), chosen, as_json=as_json)
        conclude(client, created, watch=watch, as_json=as_json)


def accept(ask: Callable[[], RunCreated], key: str, *, as_json: bool) -> RunCreated:
    """What was created; a refusal ends the program with its own exit code. Says the key where nothing is known."""
    try:
        return ask()
    except ApiError as error:
        tell_error(error, as_json=as_json, program=PROGRAM)
        raise typer.Exit(Exit.REFUSED) from error
    except ServerUnreachable as error:
        if not error.unsent:
            _say_unknown(key)
        raise
    except KeyboardInterrupt as error:
        _say_unknown(key)
        raise typer.Exit(Exit.ERROR) from error


def conclude(client: RunsClient, created: RunCreated, *, watch: bool, as_json: bool) -> None:
    """Say what was created; watch it where that is wanted."""
    document = created.model_dump(mode="json")
    if as_json:
        write_json({"kind": "created", "data": document} if watch else document, line=watch)
    else:
        show_created(make_console(), created, hint=not watch)
    if watch:
        raise typer.Exit(watch_to_end(client, created.id, deadline_s=to_seconds(None), as_json=as_json))


def _say_unknown(key: str) -> None:
    """No answer came: the run may be there. The same key finds it and makes no second one."""
    text = f"Whether the run was created is not known. Run the same with --idempotency-key {key} to find out."
    say(make_console(stderr=True), text)
