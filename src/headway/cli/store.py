"""`headway store`: check it, back it up, move it to another database, remove what is old."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from headway.cli import store_show as show
from headway.cli.exits import Exit
from headway.compose import open_existing_store, without_server
from headway.control.vacuum import Plan, plan_removals, record_plan, remove_files
from headway.domain.clock import utc_now
from headway.domain.errors import HeadwayError, InvalidInput, StoreUnavailable
from headway.domain.retention import Rules
from headway.settings import Settings, read_settings
from headway.store.backup import back_up
from headway.store.check import check_store
from headway.store.compact import compact
from headway.store.copying import copy_store
from headway.store.opening import shown_url

app = typer.Typer(help="The store: check it, copy it, move it, remove what is old.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Age = Annotated[str | None, typer.Option(metavar="AGE", help="Since the end of the run: 12h, 30d, 8w.")]

_AGE = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@app.command("check")
def check(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Hash every artifact and checkpoint.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at the database and at the files that it names; exit code 1 when something is wrong."""
    with _errors_told():
        settings = read_settings()
        report = check_store(settings.store_url, settings.runs_dir, deep=deep)
    if as_json:
        typer.echo(json.dumps(show.report_to_json(report), indent=2))
    else:
        show.show_report(report, shown_url(settings.store_url))
    raise typer.Exit(Exit.DONE if report.ok else Exit.ERROR)


@app.command("backup")
def backup(
    path: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    *,
    with_files: Annotated[
        bool,
        typer.Option(
            "--with-files", help="A tar of the whole data folder: runs, candles and the secret too."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Copy the database while it is in use, and verify the copy."""
    with _errors_told():
        settings = read_settings()
        data_dir = settings.data_dir if with_files else None
        made = back_up(settings.store_url, path.absolute(), data_dir=data_dir, force=force)
    show.show_backup(made)


@app.command("migrate")
def migrate(
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="An empty database: postgresql://USER@HOST/NAME.")
    ],
    as_json: AsJson = False,
) -> None:
    """Copy the store into an empty database, compared row by row; the server must be stopped, the source stays."""
    with _errors_told():
        settings = read_settings()
        with without_server(settings):
            copied = copy_store(settings.store_url, to)
    if as_json:
        typer.echo(json.dumps(show.copied_to_json(copied), indent=2))
    else:
        show.show_copied(copied, shown_url(settings.store_url), shown_url(to))


@app.command("vacuum")
def vacuum(  # noqa: PLR0913  (a line a flag)
    *,
    logs_older_than: Age = None,
    metrics_older_than: Age = None,
    checkpoints_older_than: Age = None,
    failed_older_than: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Failed and cancelled runs are given up: all three go, to the last checkpoint.",
        ),
    ] = None,
    keep_checkpoints: Annotated[
        int,
        typer.Option(
            min=0, help="Newest checkpoints that stay; a run that can be resumed keeps one at least."
        ),
    ] = 1,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without it, it is only told what would go.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove logs, metrics and checkpoints of runs that ended long ago, then compact the database."""
    with _errors_told():
        rules = Rules(
            checkpoints=_read_age("--checkpoints-older-than", checkpoints_older_than),
            keep_checkpoints=keep_checkpoints,
            logs=_read_age("--logs-older-than", logs_older_than),
            metrics=_read_age("--metrics-older-than", metrics_older_than),
            failed=_read_age("--failed-older-than", failed_older_than),
        )
        plans, given_back = _vacuum(read_settings(), rules, apply=apply)
    if as_json:
        typer.echo(json.dumps(show.plans_to_json(plans, given_back, applied=apply), indent=2))
    else:
        show.show_plans(plans, given_back, applied=apply)


def _vacuum(settings: Settings, rules: Rules, *, apply: bool) -> tuple[list[Plan], int | None]:
    if not apply:
        return _remove(settings, rules, apply=False), None
    with ExitStack() as stack:
        alone = True
        try:
            stack.enter_context(without_server(settings))
        except StoreUnavailable as error:
            if rules.failed is not None:  # a resume at that moment would go on from a checkpoint that goes
                raise StoreUnavailable(
                    f"--failed-older-than needs the server to be stopped: {error}"
                ) from error
            alone = False
        return _remove(settings, rules, apply=True), compact(settings.store_url, alone=alone)


def _remove(settings: Settings, rules: Rules, *, apply: bool) -> list[Plan]:
    """What goes, or has gone."""
    store = open_existing_store(settings)
    try:
        now = utc_now()
        planned = plan_removals(store, settings.runs_dir, rules, now)
        if not apply:
            return list(planned)
        removed = []
        for plan in list(planned):
            if record_plan(store, plan, now):
                remove_files(settings.runs_dir, plan)
                removed.append(plan)
        return removed
    finally:
        store.close()


def _read_age(flag: str, text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text)
    if found is None:
        raise InvalidInput(flag, text, "a whole number and h, d or w", remedy="Say 12h, 30d or 8w")
    return int(found[1]) * _UNITS[found[2]]


@contextmanager
def _errors_told() -> Iterator[None]:
    """Our errors as one line and an exit code: 2 for what was typed, 1 for all else."""
    try:
        yield
    except HeadwayError as error:
        show.say_error(error)
        raise typer.Exit(Exit.USAGE if isinstance(error, InvalidInput) else Exit.ERROR) from error
