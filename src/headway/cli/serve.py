"""`headway serve`: the service, until it is told to end."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import structlog
import typer
import uvicorn
from rich.console import Console

import headway
from headway.api.app import make_app
from headway.api.connections import uvicorn_limits
from headway.api.hosts import ANY, is_loopback, make_hosts
from headway.cli.exits import Exit
from headway.cli.told_settings import refuse, told_settings
from headway.compose import Running, build, find_secret
from headway.domain.errors import HeadwayError, StoreUnavailable
from headway.settings import Settings, unknown_names
from headway.telemetry.logs import configure_logs
from headway.web.app import make_pages

_log = structlog.get_logger("headway.service")

_GRACE_S = 3  # for requests that are under way
_BACKLOG = 2048

app = typer.Typer()


@app.command()
def start(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    bind: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Start the server. Trainings that run survive its end."""
    overrides = {"data_dir": data_dir, "bind": bind, "port": port}
    settings = told_settings(**{name: value for name, value in overrides.items() if value is not None})
    try:
        code = serve(settings)
    except HeadwayError as error:
        raise refuse(error) from error
    raise typer.Exit(code)


def serve(settings: Settings, *, session: Sequence[str] | None = None) -> int:
    """Run the service; the exit code. Raises StoreUnavailable when the folder, database or port cannot be had."""
    secret, is_new = find_secret(settings)
    hidden = (secret, *(url.get_secret_value() for url in settings.notify_urls))
    configure_logs(settings.log_level, as_json=settings.log_json, secrets=hidden)
    listener = _listen(settings)
    running = build(settings, secret, session=session)
    hosts = make_hosts(settings.bind, settings.hosts)
    service = running.service
    pages = make_pages(service.context, secret=secret, owner=service.owner, version=headway.__version__)
    answering = make_app(service, secret=secret, version=headway.__version__, hosts=hosts, pages=pages)
    server = _Server(running, answering)
    running.start(server.break_off)
    _greet(settings, listener, secret if is_new else None)
    gc.freeze()  # what was imported stays: to look through it for garbage would hold up requests now and then
    try:
        server.run([listener])
    finally:
        running.stop()
    return Exit.ERROR if server.broken else Exit.DONE


class _Server(uvicorn.Server):
    """Uvicorn that tells open streams of its end, and ends when a loop of the service breaks."""

    def __init__(self, running: Running, app: object) -> None:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]  # an ASGI application
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            **uvicorn_limits(),
        )
        super().__init__(config)
        self.broken = False
        self._closing = running.service.closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End in order; asked twice by Ctrl-C, at once. Uvicorn's own would raise the signal again at the end."""
        self._closing.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def break_off(self, loop: str, error: BaseException) -> None:
        """A service that no longer watches its runs must not look alive."""
        _log.error("the service ends because a loop broke", loop=loop, error=str(error))
        self.broken = True
        self._closing.close()
        self.should_exit = True


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    # The protocol is named: to sockets without it asyncio's own loop leaves Nagle's delay, 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.bind, settings.port))
    except OSError as error:
        listener.close()
        raise StoreUnavailable(
            f"cannot listen on {settings.bind}:{settings.port}: {error.strerror}. Set HEADWAY_PORT to a free port"
        ) from error
    listener.listen(_BACKLOG)
    return listener


def _find_dangers(settings: Settings) -> list[str]:
    """What makes the server easier to reach than its operator may think."""
    found = []
    if not is_loopback(settings.bind):
        found.append(
            "other machines can connect, and the admin secret travels unencrypted: "
            "put a proxy with TLS before it, see docs/operations.md"
        )
    if ANY in settings.hosts:
        found.append("HEADWAY_HOSTS=* lets any site that a browser here visits speak to this server")
    return found


def _greet(settings: Settings, listener: socket.socket, new_secret: str | None) -> None:
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    port = listener.getsockname()[1]
    out.print(f"Headway {headway.__version__} listens on http://{settings.bind}:{port}")
    out.print(f"  data folder  {settings.data_dir}")
    out.print("  trainings survive the end of this server; stop it with Ctrl-C")
    for warning in _find_dangers(settings):
        _log.warning(warning, bind=settings.bind)
        out.print(f"  [bold red]WARNING[/]      {warning}")
    for name in unknown_names(os.environ):
        out.print(f"  [yellow]warning[/]      {name} is no setting and does nothing: see docs/settings.md")
    if new_secret is not None:
        out.print(f"  admin secret {new_secret}  (shown once; kept in {settings.data_dir / 'admin-secret'})")
