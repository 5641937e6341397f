"""Follow a job to its end: reconnects, goes on after the last event, asks for the status while streams fail."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from headway.client.answers import END, NOT_A_STREAM, PROGRESS, Body, News, job_of
from headway.client.errors import ApiError, ServerUnreachable
from headway.client.jobs import SILENCE_S, JobsClient, Stream
from headway.client.patience import Contact, ContactChange, Patience
from headway.domain.states import TERMINAL

_POLL_S = 2.0
_NO_STREAMS = frozenset({404, 405, 406, 501})
_PASSING = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_TRIES_BEFORE_POLLING = 3  # as many streams in a row that told nothing: the end is then taken from the status


class Follower:
    """Kept events of a job once each and in order, progress in between, and one `end`.

    A lost connection is told to `on_contact` and tried again, until the job ends or `deadline_s` is over.
    """

    def __init__(
        self,
        client: JobsClient,
        job_id: str,
        *,
        after: int = 0,
        deadline_s: float | None = None,
        on_contact: Callable[[ContactChange], None] | None = None,
    ) -> None:
        self.last_seq = after
        self._client = client
        self._job_id = job_id
        self._patience = Patience(job_id, client.pacing, deadline_s)
        self._contact = Contact(on_contact)
        self._streams = True
        self._barren = 0

    def follow(self) -> Iterator[News]:
        """Until the end. Raises WatchTimeout, and ApiError for what no retry mends (no such job, wrong secret)."""
        while True:
            ended = yield from self._stream()
            ended = ended or (yield from self._poll())
            if ended:
                return
            self._pause()

    def _stream(self) -> Generator[News, None, bool]:
        """One connection; whether the end was told. Why it broke is left to the status to find out."""
        if not self._streams:
            return False
        self._barren += 1
        silence_s = min(SILENCE_S, max(self._patience.left_s, 0.1))
        stream = self._client.stream(self._job_id, after=self.last_seq, silence_s=silence_s)
        try:
            with closing(stream):
                ended = yield from self._told_by(stream)
            return ended
        except ServerUnreachable:
            return False
        except ApiError as error:
            if error.code == NOT_A_STREAM or error.status in _NO_STREAMS:
                self._streams = False
            elif not _is_passing(error):
                raise
        return False

    def _told_by(self, stream: Stream) -> Generator[News, None, bool]:
        """What is new in a stream; whether the end was in it."""
        for news in stream:
            self._heard()
            if news is not None and self._is_new(news):
                yield news
                if news.kind == END:
                    return True
            self._patience.require()
        return False

    def _poll(self) -> Generator[News, None, bool]:
        """One look at the status; whether the end was told."""
        try:
            job = job_of(self._client.status(self._job_id, retry=False))
        except (ServerUnreachable, ApiError) as error:
            if isinstance(error, ApiError) and not _is_passing(error):
                raise
            self._contact.lost(str(error))
            return False
        self._contact.found()
        yield progress_of(job)
        streams_fail = not self._streams or self._barren >= _TRIES_BEFORE_POLLING
        if job["state"] not in TERMINAL or not streams_fail:
            return False
        yield News(END, {"state": job["state"], "reason": job.get("reason")})
        return True

    def _is_new(self, news: News) -> bool:
        if news.seq is None:
            return True
        if news.seq <= self.last_seq:
            return False
        self.last_seq = news.seq
        return True

    def _heard(self) -> None:
        self._barren = 0
        self._contact.found()

    def _pause(self) -> None:
        delay_s = self._client.pacing.delay_s(self._barren) if self._streams else _POLL_S
        self._patience.pause(delay_s)


def progress_of(job: Body) -> News:
    """A status, worded as the progress that a stream would have told."""
    names = {
        "state": "state",
        "fraction": "progress",
        "phase": "phase",
        "step": "step",
        "stepsTotal": "stepsTotal",
        "ratePerS": "stepsPerSecond",
        "etaS": "etaSeconds",
        "latest": "latest",
        "contact": "contact",
    }
    return News(PROGRESS, {told: job.get(name) for told, name in names.items()})


def _is_passing(error: ApiError) -> bool:
    return error.status >= _SERVER_ERROR or error.status in _PASSING
