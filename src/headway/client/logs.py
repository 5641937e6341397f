"""Follow the console log of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headway.client.answers import Body, LogPiece, job_of
from headway.client.errors import ApiError, ServerUnreachable
from headway.client.jobs import JobsClient
from headway.client.patience import ContactChange
from headway.domain.states import TERMINAL

_POLL_S = 1.0


class LogFollower:
    """The last lines of the console, then what is added, until the job has ended.

    A new attempt's console is told from its start. A lost server is told to `on_contact` and asked again.
    """

    def __init__(
        self,
        client: JobsClient,
        job_id: str,
        *,
        tail: int = 200,
        on_contact: Callable[[ContactChange], None] | None = None,
    ) -> None:
        self._client = client
        self._job_id = job_id
        self._tail = tail
        self._on_contact = on_contact or (lambda _change: None)
        self._attempt: int | None = None
        self._offset: int | None = None
        self._lost = False

    def follow(self) -> Iterator[LogPiece]:
        """Until the end. Raises ApiError for what no retry mends."""
        while True:
            seen = self._find_next()
            if seen is not None:
                job, piece = seen
                if piece.content:
                    yield piece
                    continue
                if job["state"] in TERMINAL:
                    return
            self._client.pacing.sleep(_POLL_S)

    def _find_next(self) -> tuple[Body, LogPiece] | None:
        """The job and what its console added; None while the server does not answer."""
        try:
            # The state is asked first: what was written before an end that was seen is read after it.
            job = job_of(self._client.status(self._job_id))
            offset = self._offset if self._attempt in {None, job.get("attempt")} else 0
            piece = self._client.logs(self._job_id, tail=self._tail, offset=offset)
        except (ServerUnreachable, ApiError) as error:
            if isinstance(error, ApiError) and not error.transient:
                raise
            self._say(ContactChange(lost=True, why=str(error)))
            return None
        self._say(ContactChange(lost=False))
        self._attempt, self._offset = job.get("attempt"), piece.next_offset
        return job, piece

    def _say(self, change: ContactChange) -> None:
        if change.lost != self._lost:
            self._lost = change.lost
            self._on_contact(change)
