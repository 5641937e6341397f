"""What every command of `skippy-train` shares: its flags, and a client that is ready to be used."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from headway.cli.render import make_console, say
from headway.cli.skippy_errors import told_errors
from headway.cli.skippy_server import read_host, read_secret
from headway.client.jobs import JobsClient
from headway.client.pacing import Retry

JobArgument = Annotated[str | None, typer.Argument(metavar="JOB", help="Id of the job.", show_default=False)]
JobOption = Annotated[str | None, typer.Option("--job", help="Id of the job, as a flag.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON document, or JSON lines.")]


@dataclass(frozen=True)
class Session:
    """Flags that stand before the command."""

    retry_for_s: float


@contextmanager
def open_client(context: typer.Context, *, as_json: bool) -> Iterator[JobsClient]:
    """A client of the server that the environment names. Expected errors of the body end the program, told."""
    session: Session = context.obj
    with told_errors(as_json=as_json):
        host = read_host()
        with JobsClient(
            host, read_secret(host), retry_for_s=session.retry_for_s, on_retry=_teller(as_json=as_json)
        ) as client:
            yield client


def _teller(*, as_json: bool) -> Callable[[Retry], None]:
    """Tells of the first retry only."""
    told: list[Retry] = []

    def tell(retry: Retry) -> None:
        if not told and not as_json:
            say(make_console(stderr=True), f"{retry.why}; trying again", style="yellow")
        told.append(retry)

    return tell


def require_job(positional: str | None, flag: str | None) -> str:
    """The id of the job, given once; a usage error otherwise."""
    if positional and flag and positional != flag:
        raise typer.BadParameter(f"two jobs are named: {positional} and {flag}")
    job_id = positional or flag
    if not job_id:
        raise typer.BadParameter("name the job: its id, or --job and its id")
    return job_id


def write_json(document: Mapping[str, Any], *, line: bool = False) -> None:
    """One JSON document on standard output, or one line of many."""
    sys.stdout.write(json.dumps(document, indent=None if line else 2) + "\n")
    sys.stdout.flush()
