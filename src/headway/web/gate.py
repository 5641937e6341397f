"""Who may see the pages: a browser that has signed in. Plain ASGI, so that streams pass untouched."""

from __future__ import annotations

from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.control.context import Context
from headway.control.sessions import CSRF_HEADER, find_session, token_in
from headway.domain.sessions import is_csrf_token
from headway.web.templates import TOKEN

SIGN_IN = "/ui/sign-in"
_OPEN = (SIGN_IN, "/ui/static/")
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Gate:
    """Sends strangers to the sign-in page, which brings them back; refuses a change that no page of ours asked for."""

    def __init__(self, app: ASGIApp, *, context: Context, owner: str) -> None:
        self._app = app
        self._context = context
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        token = token_of(scope)
        if token is None or not await run_sync(self._is_known, token):
            await _ask_to_sign_in(Request(scope))(scope, receive, send)
        elif scope["method"] not in _SAFE and not _is_ours(scope, token):
            await Response("This page is out of date: reload it.", 403)(scope, receive, send)
        else:
            await self._app({**scope, TOKEN: token}, receive, send)

    def _is_known(self, token: str) -> bool:
        return find_session(self._context, token, owner=self._owner) is not None


def token_of(scope: Scope) -> str | None:
    """The token of the session cookie."""
    return token_in(Headers(scope=scope).get("cookie", ""))


def _is_ours(scope: Scope, token: str) -> bool:
    return is_csrf_token(Headers(scope=scope).get(CSRF_HEADER, ""), token)


def _ask_to_sign_in(request: Request) -> Response:
    """A page is sent there; a script is told, and its page keeps what was typed."""
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate" or request.method not in _SAFE:
        return JSONResponse({"error": "unauthorized", "message": "sign in again"}, 401)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(back, safe='')}", 303)
