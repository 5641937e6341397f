"""A real receiver of webhooks on loopback: it answers as it is told, and verifies with the library of the standard."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Answer:
    """What is answered; `hold` waits for the end of the test first, `drip` sends a head that never ends."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    hold: bool = False
    drip: bool = False


@dataclass(frozen=True)
class Message:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verify(self, secret: str) -> None:
        """Raises WebhookVerificationError unless it is signed with the secret, now."""
        Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers in order; the last one stays."""

    port: int
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    messages: list[Message] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]

    @property
    def kinds(self) -> list[str]:
        return [message.content["type"] for message in self.messages]

    def answer(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def running_receiver(port: int = 0, *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A started receiver; stopped, with all its threads, at the end."""
    http = _Http(("127.0.0.1", port), _Handler)
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    http.receiver = Receiver(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield http.receiver
    finally:
        http.receiver.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.messages.append(Message(self.path, headers, body))
        answer = receiver.next_answer()
        if answer.hold:
            receiver.stopping.wait()
        while answer.drip and not receiver.stopping.wait(0.02):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n"[:1])
        self.send_response(answer.status)
        for name, value in (*answer.headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Quiet."""
