"""Browsers that have signed in: which, since when, and the end of one or of all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.sessions import end_session, list_sessions
from headway.domain.sessions import IDLE_FOR, session_id_of
from headway.web.gate import SIGN_IN
from headway.web.templates import TOKEN, Templates

_BROWSERS = (  # many call themselves by the names of others too: the most particular first
    (r"Edg/", "Edge"),
    (r"OPR/", "Opera"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/|HeadlessChrome/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"Android", "Android"),
    (r"iPhone|iPad", "iOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux|X11", "Linux"),
)


@dataclass(frozen=True)
class SessionsPage:
    """Routes of the page."""

    context: Context
    templates: Templates
    owner: str

    def routes(self) -> list[Route]:
        return [
            Route("/sessions", self.show, methods=["GET"]),
            Route("/sessions/{session_id}/end", self.end, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        sessions = await run_sync(lambda: list_sessions(self.context, owner=self.owner))
        return self.templates.render(
            request,
            "sessions.html",
            sessions=sessions,
            own=session_id_of(request.scope[TOKEN]),
            say_browser=say_browser,
            idle_days=IDLE_FOR.days,
        )

    async def end(self, request: Request) -> Response:
        """Sign a browser out; one that ends its own session is sent to sign in again."""
        session_id = request.path_params["session_id"]
        await run_sync(end_session, self.context, session_id)
        is_own = session_id == session_id_of(request.scope[TOKEN])
        return Response(status_code=204, headers={"HX-Redirect": SIGN_IN if is_own else "/ui/sessions"})


def say_browser(agent: str) -> str:
    """`Firefox on Linux`, as far as what a browser calls itself tells."""
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, agent)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, agent)), "")
    if not browser:
        return "A program" + (f" on {system}" if system else "")
    return f"{browser} on {system}" if system else browser
