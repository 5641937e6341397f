"""A client that costs little: one kept connection and whole requests written by hand.

The benchmarks share their cores with the server that they measure: a client library would measure itself.
"""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_TIMEOUT_S = 60.0
_IDLE_S = 2.0  # a server closes a connection that has not been used for a while
_CHUNK = 65_536
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def document(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One connection to a server of this machine. Raises OSError when it breaks."""

    def __init__(self, port: int, secret: str) -> None:
        self._port = port
        self._socket = _connect(port)
        self._used_at = time.monotonic()
        fields = (
            f"Host: 127.0.0.1:{port}",
            f"x-admin-secret: {secret}",
            "Content-Type: application/json",
            "",
        )
        self._head = " HTTP/1.1\r\n" + "\r\n".join(fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, method: str, path: str, body: bytes = b"", *, key: str | None = None) -> Answer:
        """Send a request to a path below `/api/training`; wait for the whole answer."""
        self._renew()
        named = f"Idempotency-Key: {key}\r\n" if key else ""
        head = f"{method} /api/training{path}{self._head}{named}Content-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        return self._receive()

    def submit(self, body: bytes, *, key: str | None = None) -> str:
        """POST /jobs; the id of the job."""
        answer = self.ask("POST", "/jobs", body, key=key)
        if answer.status != 202:
            raise RuntimeError(f"refused with {answer.status}: {answer.body.decode()}")
        return str(answer.document()["jobId"])

    def state(self, job_id: str) -> str:
        return str(self.ask("GET", f"/jobs/{job_id}/status").document()["job"]["state"])

    def _renew(self) -> None:
        if time.monotonic() - self._used_at > _IDLE_S:
            self._socket.close()
            self._socket = _connect(self._port)
        self._used_at = time.monotonic()

    def _receive(self) -> Answer:
        received = self._more()
        while (head_bytes := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        length = _LENGTH.search(received, 0, head_bytes + 2)
        if length is None:
            raise RuntimeError(f"an answer without its length: {received[:head_bytes].decode('latin-1')}")
        whole_bytes = head_bytes + 4 + int(length[1])
        while len(received) < whole_bytes:
            received += self._more()
        return Answer(int(received[9:12]), received[head_bytes + 4 :])

    def _more(self) -> bytes:
        piece = self._socket.recv(_CHUNK)
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        return piece


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
