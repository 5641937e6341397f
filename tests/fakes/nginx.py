"""A private nginx with the settings that the documentation gives, on a port of its own, with a certificate it made."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import free_port
from tests.waiting import eventually

NAME = "headway.example.org"
_DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
_WHOLE = """
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{settings}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx in front of a server; it answers to NAME, whose address is that of this machine."""

    port: int
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def find_nginx() -> str | None:
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@contextmanager
def running_nginx(program: str, folder: Path, server_port: int) -> Iterator[Proxy]:
    """Start it for a server, and stop it at the end."""
    proxy = Proxy(free_port(), _make_certificate(folder))
    settings = folder / "nginx.conf"
    settings.write_text(_WHOLE.format(folder=folder, settings=_documented(folder, proxy.port, server_port)))
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log")]
    )
    try:
        eventually(lambda: _is_open(proxy.port), what="nginx listens")
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


def _documented(folder: Path, port: int, server_port: int) -> str:
    """The settings of the documentation; only ports and places are those of here."""
    found = re.search(r"^nginx [^\n]*:\n\n```\n(.*?)^```", _DOCS.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, "the documentation gives no settings of nginx"
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/headway.pem": str(folder / "headway.pem"),
        "/etc/ssl/headway.key": str(folder / "headway.key"),
        "http://127.0.0.1:5000": f"http://127.0.0.1:{server_port}",
    }
    text = found[1]
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _make_certificate(folder: Path) -> Path:
    path = folder / "headway.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
        f" -keyout {folder / 'headway.key'} -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
