"""A real small HTTP server that answers as it is told, drops what it is told to drop, and remembers what came."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = "/api/training"
SECRET = "a-secret-for-tests-only"
JOB = "tr_1700000000000_0123abcd"


@dataclass(frozen=True)
class Reply:
    """A whole answer; `dropped` closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    dropped: bool = False


@dataclass(frozen=True)
class Stream:
    """Server-Sent Events, then the end of the stream: in order, or torn in the middle of a chunk.

    `held` keeps the connection open and silent after the frames until the server stops.
    """

    frames: tuple[str, ...]
    torn: bool = False
    held: bool = False


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class FakeServer:
    """Replies by method and path, used up in order; the last one stays."""

    url: str
    replies: dict[tuple[str, str], list[Reply | Stream]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def on(self, method: str, path: str, *replies: Reply | Stream) -> None:
        self.replies[method, f"{ROOT}{path}"] = list(replies)

    def answer(self, *bodies: Any) -> None:
        """The usual answers about one job: each body is a status, in order."""
        self.on("GET", f"/jobs/{JOB}/status", *(Reply(body={"job": body}) for body in bodies))

    def next_reply(self, method: str, path: str) -> Reply | Stream:
        waiting = self.replies.get((method, path))
        if not waiting:
            return Reply(404, {"error": "not_found", "message": f"nothing at {path}"})
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def asked(self, method: str, path: str) -> list[Received]:
        return [one for one in self.received if (one.method, one.path) == (method, f"{ROOT}{path}")]


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """A started server on a free port; stopped, with all its threads, at the end."""
    http = _Http(("127.0.0.1", 0), _Handler)
    http.fake = FakeServer(f"http://127.0.0.1:{http.server_address[1]}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield http.fake
    finally:
        http.fake.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    fake: FakeServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def _serve(self) -> None:
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        fake = self.server.fake
        fake.received.append(Received(self.command, split.path, query, headers, body))
        reply = fake.next_reply(self.command, split.path)
        self.close_connection = True
        if isinstance(reply, Stream):
            self._send_stream(reply)
        elif reply.dropped:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  (the names that the base class asks for)

    def _send(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        told = {"Content-Length": str(len(content)), "Connection": "close", **dict(reply.headers)}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _send_stream(self, reply: Stream) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for frame in reply.frames:
            content = frame.encode()
            self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()
        if reply.held:
            self.server.fake.stopping.wait()
        self.wfile.write(b"ff\r\nid: 99\nevent: run_" if reply.torn else b"0\r\n\r\n")

    def log_message(self, *_arguments: Any) -> None:
        """Quiet."""


def kept(seq: int, kind: str = "checkpoint_saved", **content: Any) -> str:
    """A kept event as the server writes it."""
    document = {"seq": seq, "kind": kind, "at": "2026-11-23T09:05:36.123456Z", "attempt": 1, "data": content}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"


def progress(fraction: float, *, state: str = "training", phase: str = "PPO epoch 1/4", **more: Any) -> str:
    document = {"state": state, "fraction": fraction, "phase": phase, **more}
    return f"event: progress\ndata: {json.dumps(document)}\n\n"


def end(state: str = "done", reason: str = "completed") -> str:
    return f"event: end\ndata: {json.dumps({'state': state, 'reason': reason})}\n\n"


def job(state: str = "training", **more: Any) -> dict[str, Any]:
    """A job as the status tells it."""
    return {
        "jobId": JOB,
        "createdAt": "2026-11-23T09:05:36.123456Z",
        "state": state,
        "progress": 0.4,
        "durationHours": 10.0,
        "symbols": ["BTC"],
        "attempt": 1,
        **more,
    }
