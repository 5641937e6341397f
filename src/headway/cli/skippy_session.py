"""What every command of `skippy-train` shares: its flags, and a client that is ready to be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from headway.cli.opening import opened
from headway.client.jobs import JobsClient

JobArgument = Annotated[str | None, typer.Argument(metavar="JOB", help="Id of the job.", show_default=False)]
JobOption = Annotated[str | None, typer.Option("--job", help="Id of the job, as a flag.", show_default=False)]


@contextmanager
def open_client(context: typer.Context, *, as_json: bool) -> Iterator[JobsClient]:
    """A client of jobs, as `opened` has it."""
    with opened(JobsClient, context, as_json=as_json) as client:
        yield client


def require_job(positional: str | None, flag: str | None) -> str:
    """The id of the job, given once; a usage error otherwise."""
    if positional and flag and positional != flag:
        raise typer.BadParameter(f"two jobs are named: {positional} and {flag}")
    job_id = positional or flag
    if not job_id:
        raise typer.BadParameter("name the job: its id, or --job and its id")
    return job_id
