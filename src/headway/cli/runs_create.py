"""`headway runs` create and clone: what to train, a look at it before, and the watch after."""

from __future__ import annotations

from collections.abc import Callable

import typer

from headway.cli import runs_flags as flags
from headway.cli.common import AsJson, split_names, write_json
from headway.cli.errors import told_creation
from headway.cli.render import make_console
from headway.cli.render_runs import show_created, show_preview
from headway.cli.runs_request import read_request, read_settings, to_shape
from headway.cli.runs_session import PROGRAM, RunArgument, open_runs
from headway.cli.runs_watch import watch_to_end
from headway.client.runs import RunsClient
from headway.domain.ids import new_token
from headway.wire.runs import CloneRequest, RunCreated


def create(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    file: flags.File = None,
    *,
    data: flags.Data = None,
    timeframes: flags.Timeframes = None,
    variant: flags.Variant = None,
    epochs: flags.Epochs = None,
    start: flags.Start = None,
    end: flags.End = None,
    seed: flags.Seed = None,
    priority: flags.Priority = None,
    max_hours: flags.MaxHours = None,
    max_cost: flags.MaxCost = None,
    settings: flags.Settings = None,
    name: flags.Name = None,
    tags: flags.Tags = None,
    notes: flags.Notes = None,
    preview: flags.Preview = False,
    watch: flags.WatchIt = False,
    key: flags.Key = None,
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
        accept_and_watch(
            lambda chosen: client.create(request, chosen), client, key, watch=watch, as_json=as_json
        )


def clone(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    run: RunArgument,
    *,
    settings: flags.Settings = None,
    name: flags.Name = None,
    tags: flags.Tags = None,
    notes: flags.Notes = None,
    watch: flags.WatchIt = False,
    key: flags.Key = None,
    as_json: AsJson = False,
) -> None:
    """Train the same once more; --set replaces fields of what was asked for, such as variant=tiny."""
    with open_runs(context, as_json=as_json) as client:
        config = read_settings(settings) if settings else None
        given = {"config": config, "name": name, "tags": tags, "notes": notes}
        document = {field: value for field, value in given.items() if value is not None}
        request = to_shape(CloneRequest, document)
        accept_and_watch(
            lambda chosen: client.clone(run, request, chosen), client, key, watch=watch, as_json=as_json
        )


def accept_and_watch(
    ask: Callable[[str], RunCreated], client: RunsClient, key: str | None, *, watch: bool, as_json: bool
) -> None:
    """Ask with a key, a random one where none is given; say what was created, and watch it where that is wanted."""
    chosen = key or new_token()
    with told_creation("the run was created", chosen, as_json=as_json, program=PROGRAM):
        created = ask(chosen)
    conclude(client, created, watch=watch, as_json=as_json)


def conclude(
    client: RunsClient, created: RunCreated, *, watch: bool, as_json: bool, done: str = "created"
) -> None:
    """Say what was done with a run; watch it where that is wanted."""
    document = created.model_dump(mode="json")
    if as_json:
        write_json({"kind": done, "data": document} if watch else document, line=watch)
    else:
        show_created(make_console(), created, hint=not watch, done=done)
    if watch:
        raise typer.Exit(watch_to_end(client, created.id, deadline_s=None, as_json=as_json))
