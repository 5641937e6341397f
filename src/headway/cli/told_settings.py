"""Settings for a command of this machine; what cannot be used is told on standard error."""

from __future__ import annotations

import typer
from rich.console import Console

from headway.cli.exits import Exit
from headway.domain.errors import HeadwayError
from headway.settings import Settings, read_settings


def told_settings(**overrides: object) -> Settings:
    """The settings. Leaves with the exit code for wrong usage where one of them cannot be used."""
    try:
        return read_settings(**overrides)
    except HeadwayError as error:
        raise refuse(error) from error


def refuse(error: HeadwayError) -> typer.Exit:
    """Say what was wrong; to be raised."""
    Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
    return typer.Exit(Exit.USAGE)
