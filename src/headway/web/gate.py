"""Who may see the pages: a browser that has signed in. Plain ASGI, so that streams pass untouched."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.control.context import Context
from headway.control.sessions import CSRF_HEADER, find_session, token_in
from headway.domain.errors import StoreUnavailable
from headway.domain.sessions import is_csrf_token
from headway.web.templates import TOKEN

SIGN_IN = "/ui/sign-in"
_OPEN = (SIGN_IN, "/ui/static/")
_SAFE = {"GET", "HEAD", "OPTIONS"}
_SCRIPTS = ("x-headway", "hx-request")  # scripts of ours, and htmx, say who asks by one of these


class Gate:
    """Sends strangers to the sign-in page, which brings them back; refuses a change that no page of ours asked for.

    `tell` words the answer where the store cannot say who somebody is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        context: Context,
        owner: str,
        tell: Callable[[Request, StoreUnavailable], Response],
    ) -> None:
        self._app = app
        self._context = context
        self._owner = owner
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        token = token_of(scope)
        try:
            is_known = token is not None and await run_sync(self._is_known, token)
        except StoreUnavailable as error:
            await self._tell(Request(scope), error)(scope, receive, send)
            return
        if token is None or not is_known:
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


def asks_for_page(request: Request) -> bool:
    """Whether a person asks for a page to look at, and not a script.

    Browsers tell it only to servers that they trust: over plain HTTP from another machine they do not.
    """
    headers = request.headers
    told = any(name in headers for name in _SCRIPTS)
    return not told and request.method in _SAFE and headers.get("sec-fetch-mode", "navigate") == "navigate"


def scheme_of(request: Request) -> str:
    """How the browser speaks to us: a proxy may have ended TLS.

    Changes bring an Origin, of which the guard has seen that it names the host that was asked.
    """
    return "https" if request.headers.get("origin", "").startswith("https://") else request.url.scheme


def _ask_to_sign_in(request: Request) -> Response:
    """A page is sent there; a script is told, and its page keeps what was typed."""
    if not asks_for_page(request):
        return JSONResponse({"error": "unauthorized", "message": "sign in again"}, 401)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(back, safe='')}", 303)
