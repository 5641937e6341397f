"""Follow a run over its WebSocket: reconnects, and goes on after the cursor of the last message."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from math import isinf
from urllib.parse import quote

from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from headway.client.answers import UNEXPECTED
from headway.client.connection import is_local
from headway.client.errors import ApiError, ServerUnreachable
from headway.client.patience import Contact, ContactChange, Patience
from headway.client.runs import RunsClient
from headway.domain.ids import require_run_id
from headway.wire import stream
from headway.wire.stream import StreamFrame

_OPEN_S = 10.0
_SERVER_ERROR = 500
_CODES = {stream.UNAUTHORIZED: (401, "unauthorized"), stream.REFUSED: (404, "not_found")}


class RunFollower:
    """All that is told of a run: first how it stands, then what comes, each once and in order, until it has ended.

    With `after`, what follows that cursor (`start`: from the very beginning). A lost connection is told to
    `on_contact` and tried again until `deadline_s` is over; nothing is told twice and nothing is left out.
    """

    def __init__(
        self,
        client: RunsClient,
        run_id: str,
        *,
        after: str | None = None,
        deadline_s: float | None = None,
        on_contact: Callable[[ContactChange], None] | None = None,
    ) -> None:
        self.cursor = after
        self._client = client
        self._run_id = require_run_id(run_id)
        self._patience = Patience(run_id, client.pacing, deadline_s)
        self._contact = Contact(on_contact)
        self._barren = 0  # connections in a row that told nothing

    def follow(self) -> Iterator[StreamFrame]:
        """Until the end. Raises WatchTimeout, and ApiError for what no retry mends (no such run, wrong secret)."""
        while not (yield from self._told_at_once()):
            self._pause()

    def _told_at_once(self) -> Generator[StreamFrame, None, bool]:
        """What one connection tells; whether the end was in it."""
        try:
            with self._connect() as connection:
                for frame in self._told_by(connection):
                    yield frame
                    if frame.data.get("final"):
                        return True
        except ServerUnreachable as error:
            self._contact.lost(error.why)
        return False

    def _connect(self) -> ClientConnection:
        host, secret = self._client.connection.host, self._client.connection.secret
        after = f"?after={quote(self.cursor)}" if self.cursor else ""
        self._barren += 1
        try:
            return connect(
                f"ws{host.removeprefix('http')}/runs/{self._run_id}/stream{after}",
                additional_headers={"x-admin-secret": secret},
                compression=None,
                open_timeout=min(_OPEN_S, max(self._patience.left_s, 0.1)),
                proxy=None if is_local(host) else True,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status >= _SERVER_ERROR:
                raise ServerUnreachable(host, f"it answered {status}") from error
            text = f"{host} opens no stream: it answered {status}"
            remedy = "Check that TRAIN_API_HOST names a Headway server"
            raise ApiError(status, UNEXPECTED, text, {"remedy": remedy}) from error
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            raise ServerUnreachable(host, str(error) or type(error).__name__) from error

    def _told_by(self, connection: ClientConnection) -> Iterator[StreamFrame]:
        """The messages of one connection. How it broke says whether another may help."""
        while True:
            try:
                text = connection.recv(self._patience_s())
            except TimeoutError:
                self._patience.require()
                continue
            except ConnectionClosed as closed:
                raise self._explain(closed) from closed
            frame = _frame_of(text)
            self.cursor = frame.cursor or self.cursor
            self._barren = 0
            self._contact.found()
            yield frame
            self._patience.require()

    def _explain(self, closed: ConnectionClosed) -> ApiError | ServerUnreachable:
        code, why = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (0, "")
        if code in _CODES:
            status, name = _CODES[code]
            return ApiError(status, name, why or f"the server closed with {code}", {})
        return ServerUnreachable(self._client.connection.host, why or "the connection broke")

    def _pause(self) -> None:
        self._patience.pause(self._client.pacing.delay_s(max(self._barren, 1)))

    def _patience_s(self) -> float | None:
        left_s = self._patience.left_s
        return None if isinf(left_s) else max(left_s, 0.0)


def _frame_of(text: str | bytes) -> StreamFrame:
    try:
        return StreamFrame.model_validate_json(text)
    except ValidationError as error:
        raise ApiError(
            200, UNEXPECTED, f"a message that cannot be read: {error.errors()[0]['msg']}", {}
        ) from error
