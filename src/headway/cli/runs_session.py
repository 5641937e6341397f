"""What every command of `headway runs` shares: its arguments, and a client that is ready to be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from headway.cli.opening import opened
from headway.client.runs import RunsClient

PROGRAM = "headway runs"

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.", show_default=False)]


@contextmanager
def open_runs(context: typer.Context, *, as_json: bool) -> Iterator[RunsClient]:
    """A client of runs, as `opened` has it."""
    with opened(RunsClient, context, as_json=as_json, program=PROGRAM) as client:
        yield client
