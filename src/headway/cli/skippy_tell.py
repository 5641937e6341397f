"""`skippy-train` logs and events: what a job has said, and what it goes on to say."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Annotated

import typer

from headway.cli.common import AsJson, write_json
from headway.cli.live import contact_line
from headway.cli.render import make_console, say
from headway.cli.render_events import event_line, is_kept
from headway.cli.skippy_session import JobArgument, JobOption, open_client, require_job
from headway.cli.skippy_watch import say_detached
from headway.client.answers import LogPiece, News
from headway.client.follow import Follower
from headway.client.jobs import JobsClient
from headway.client.logs import LogFollower
from headway.client.patience import ContactChange


def logs(
    context: typer.Context,
    job: JobArgument = None,
    *,
    flag: JobOption = None,
    tail: Annotated[int, typer.Option(min=0, help="Last lines to show.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """The console of the training: the newest attempt's."""
    with open_client(context, as_json=as_json) as client:
        job_id = require_job(job, flag)
        if not follow:
            _write_pieces([client.logs(job_id, tail=tail)], as_json=as_json, line=False)
            return
        try:
            pieces = LogFollower(client, job_id, tail=tail, on_contact=_tell_contact).follow()
            _write_pieces(pieces, as_json=as_json, line=True)
        except KeyboardInterrupt:
            say_detached(job_id, as_json=True)


def _write_pieces(pieces: Iterator[LogPiece] | list[LogPiece], *, as_json: bool, line: bool) -> None:
    """A piece may end within a character: the decoder keeps the rest for the next."""
    decoder = getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        text = decoder.decode(piece.content, final=not line)
        if as_json:
            write_json({"text": text, "nextOffset": piece.next_offset}, line=line)
        else:
            sys.stdout.write(text)
            sys.stdout.flush()


def events(
    context: typer.Context,
    job: JobArgument = None,
    *,
    flag: JobOption = None,
    after: Annotated[int, typer.Option(min=0, help="Only events with a higher number.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """The kept events of a job."""
    with open_client(context, as_json=as_json) as client:
        job_id = require_job(job, flag)
        try:
            for news in _told(client, job_id, after, follow=follow):
                _write_event(news, as_json=as_json)
        except KeyboardInterrupt:
            say_detached(job_id, as_json=True)


def _told(client: JobsClient, job_id: str, after: int, *, follow: bool) -> Iterator[News]:
    if not follow:
        return client.events(job_id, after=after, follow=False)
    return Follower(client, job_id, after=after, on_contact=_tell_contact).follow()


def _write_event(news: News, *, as_json: bool) -> None:
    if as_json:
        write_json(news.to_json(), line=True)
    elif is_kept(news):
        say(make_console(), event_line(news))


def _tell_contact(change: ContactChange) -> None:
    say(make_console(stderr=True), contact_line(change))
