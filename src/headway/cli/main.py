"""`headway`: serve, runs, predict, data, store, demo, doctor, hooks, notify."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

import headway

_PLACES = {
    "serve": "headway.cli.serve:app",
    "demo": "headway.cli.demo:app",
    "doctor": "headway.cli.doctor:app",
    "runs": "headway.cli.runs:app",
    "predict": "headway.cli.runs:predict_app",
    "data": "headway.cli.data:app",
    "store": "headway.cli.store:app",
    "hooks": "headway.cli.hooks:app",
    "notify": "headway.cli.notify:app",
}


class _Commands(Mapping[str, Any]):
    """Commands whose modules are imported when they are asked for: a client needs nothing of a server."""

    def __getitem__(self, name: str) -> Any:
        place = _PLACES[name]
        with _no_collection():
            command = typer.main.get_command(resolve_name(place))
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # nothing is added to it


@contextmanager
def _no_collection() -> Iterator[None]:
    """Modules are no garbage: to look for some while they are imported takes a tenth of a second, and once more after
    it, had they not been set apart."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


app = typer.Typer(
    cls=_Group,
    help="Headway: every training is a durable run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


if __name__ == "__main__":
    app()
