"""A client of the server that the environment names, ready to be used by a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer

from headway.cli.common import RETRY_FOR_S, Session, tell_first_retry
from headway.cli.errors import SKIPPY, told_errors
from headway.cli.server import read_host, read_secret
from headway.client.client import Client

AnyClient = TypeVar("AnyClient", bound=Client)


@contextmanager
def opened(
    kind: type[AnyClient], context: typer.Context | None, *, as_json: bool, program: str = SKIPPY
) -> Iterator[AnyClient]:
    """Expected errors of the body end the program, told."""
    given = context.obj if context is not None else None
    session = given if isinstance(given, Session) else Session(RETRY_FOR_S)
    with told_errors(as_json=as_json, program=program):
        host = read_host()
        tell = tell_first_retry(as_json=as_json)
        with kind(host, read_secret(host), retry_for_s=session.retry_for_s, on_retry=tell) as client:
            yield client
