"""`headway`: serve, runs, predict, data, store, demo, doctor, hooks, notify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import headway
from headway.cli import data, demo, doctor, hooks, notify, runs, runs_read, store
from headway.cli import serve as serving
from headway.cli.exits import Exit
from headway.domain.errors import HeadwayError
from headway.settings import Settings, read_settings

app = typer.Typer(
    help="Headway: every training is a durable run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(runs.app, name="runs")
app.command()(runs_read.predict)
app.add_typer(data.app, name="data", help="Candles: fetch them from an exchange, check a file.")
app.add_typer(store.app, name="store", help="The store: check it, copy it, move it, remove what is old.")
app.add_typer(hooks.app, name="hooks", help="Webhooks: have events sent to an address.")
app.add_typer(notify.app, name="notify", help="Messages to people: try them out.")

_errors = Console(stderr=True)


@app.callback(invoke_without_command=True)
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Headway: every training is a durable run."""
    if version:
        Console().print(headway.__version__)
        raise typer.Exit


@app.command()
def serve(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    bind: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Start the server. Trainings that run survive its end."""
    overrides = {"data_dir": data_dir, "bind": bind, "port": port}
    settings = _settings(**{name: value for name, value in overrides.items() if value is not None})
    try:
        code = serving.serve(settings)
    except HeadwayError as error:
        raise _refuse(error) from error
    raise typer.Exit(code)


@app.command("demo")
def show_demo(
    *,
    steps: Annotated[
        int | None, typer.Option(help="Steps to train; the default takes about a quarter of a minute.")
    ] = None,
) -> None:
    """Train a PPO agent on real packaged market data, live, in a folder of its own."""
    raise typer.Exit(demo.run_demo(_settings(), steps=steps, console=Console()))


@app.command("doctor")
def run_doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """Say what is installed here, and what is missing for a training to run."""
    findings = doctor.examine(_settings())
    if as_json:
        typer.echo(json.dumps(doctor.to_json(findings), indent=2))
    else:
        doctor.show(findings, Console())
    raise typer.Exit(Exit.ERROR if doctor.has_problem(findings) else Exit.DONE)


def _settings(**overrides: object) -> Settings:
    try:
        return read_settings(**overrides)
    except HeadwayError as error:
        raise _refuse(error) from error


def _refuse(error: HeadwayError) -> typer.Exit:
    _errors.print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
    return typer.Exit(Exit.USAGE)


if __name__ == "__main__":
    app()
