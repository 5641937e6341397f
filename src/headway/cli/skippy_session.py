"""What every command of `skippy-train` shares: its flags, and a client that is ready to be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from headway.cli.common import Session, tell_first_retry
from headway.cli.errors import told_errors
from headway.cli.server import read_host, read_secret
from headway.client.jobs import JobsClient

JobArgument = Annotated[str | None, typer.Argument(metavar="JOB", help="Id of the job.", show_default=False)]
JobOption = Annotated[str | None, typer.Option("--job", help="Id of the job, as a flag.", show_default=False)]


@contextmanager
def open_client(context: typer.Context, *, as_json: bool) -> Iterator[JobsClient]:
    """A client of the server that the environment names. Expected errors of the body end the program, told."""
    session: Session = context.obj
    with told_errors(as_json=as_json):
        host = read_host()
        with JobsClient(
            host,
            read_secret(host),
            retry_for_s=session.retry_for_s,
            on_retry=tell_first_retry(as_json=as_json),
        ) as client:
            yield client


def require_job(positional: str | None, flag: str | None) -> str:
    """The id of the job, given once; a usage error otherwise."""
    if positional and flag and positional != flag:
        raise typer.BadParameter(f"two jobs are named: {positional} and {flag}")
    job_id = positional or flag
    if not job_id:
        raise typer.BadParameter("name the job: its id, or --job and its id")
    return job_id
