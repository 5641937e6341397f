"""Which server `skippy-train` speaks to, and with which secret."""

from __future__ import annotations

import os

import httpx

from headway.client.connection import is_local
from headway.domain.errors import InvalidInput, Unauthorized
from headway.settings import read_settings

DEFAULT_HOST = "http://localhost:5000"


def read_host() -> str:
    """TRAIN_API_HOST, or this machine; InvalidInput when it is no address."""
    host = os.environ.get("TRAIN_API_HOST") or DEFAULT_HOST
    try:
        url = httpx.URL(host)
    except httpx.InvalidURL as error:
        raise InvalidInput("TRAIN_API_HOST", host, "a web address", remedy=str(error)) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidInput(
            "TRAIN_API_HOST", host, "an address such as http://localhost:5000", remedy="Begin it with http://"
        )
    return host


def read_secret(host: str) -> str:
    """ADMIN_SECRET, or for a server on this machine the secret that it keeps; Unauthorized when there is none."""
    secret = os.environ.get("ADMIN_SECRET") or (_find_kept_secret() if is_local(host) else None)
    if not secret:
        hint = ", or start the server once with `headway serve`" if is_local(host) else ""
        raise Unauthorized(f"no secret for {host}: set ADMIN_SECRET to the secret of the server{hint}")
    if not secret.isascii() or not secret.isprintable():
        raise Unauthorized("ADMIN_SECRET holds characters that cannot be sent: use printable ASCII alone")
    return secret


def _find_kept_secret() -> str | None:
    settings = read_settings()
    if settings.admin_secret is not None:
        return settings.admin_secret.get_secret_value()
    file = settings.data_dir / "admin-secret"
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unauthorized(f"{file} cannot be read ({error.strerror}): set ADMIN_SECRET") from error
