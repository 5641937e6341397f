"""What every command of `headway runs` shares: its arguments, and a client that is ready to be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from headway.cli.common import Session, tell_first_retry
from headway.cli.errors import told_errors
from headway.cli.server import read_host, read_secret
from headway.client.runs import RunsClient

PROGRAM = "headway runs"
_RETRY_FOR_S = 20.0

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.", show_default=False)]


@contextmanager
def open_runs(context: typer.Context, *, as_json: bool) -> Iterator[RunsClient]:
    """A client of the server that the environment names. Expected errors of the body end the program, told."""
    session = context.obj if isinstance(context.obj, Session) else Session(_RETRY_FOR_S)
    with told_errors(as_json=as_json, program=PROGRAM):
        host = read_host()
        with RunsClient(
            host,
            read_secret(host),
            retry_for_s=session.retry_for_s,
            on_retry=tell_first_retry(as_json=as_json),
        ) as client:
            yield client
