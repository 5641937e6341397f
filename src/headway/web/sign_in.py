"""The sign-in page: the secret once, then a cookie that scripts cannot read."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.sessions import COOKIE, end_all_sessions, end_session, find_session, open_session
from headway.domain.sessions import IDLE_FOR, session_id_of
from headway.web.attempts import Failures
from headway.web.gate import SIGN_IN, scheme_of, token_of
from headway.web.templates import TOKEN, Templates

HOME = "/ui/"


@dataclass(frozen=True)
class SignIn:
    """Routes of signing in and out."""

    context: Context
    templates: Templates
    secret: str
    owner: str
    failures: Failures = field(default_factory=Failures)

    def routes(self) -> list[Route]:
        return [
            Route("/sign-in", self.show, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/sign-out-everywhere", self.sign_out_everywhere, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The form; who has signed in already goes on."""
        token = token_of(request.scope)
        if token is not None and await run_sync(self._is_known, token):
            return RedirectResponse(HOME if _back(request).startswith(SIGN_IN) else _back(request), 303)
        return self.templates.render(request, "sign_in.html", back=_back(request), error="")

    async def sign_in(self, request: Request) -> Response:
        """The page again with what is wrong, or on to where the browser wanted to go."""
        address = request.client.host if request.client else ""
        now = self.context.clock.now()
        wait_s = self.failures.wait_s(address, now)
        if wait_s:
            refused = self._refuse(request, f"Too many attempts: try again in {wait_s} s.", 429)
            refused.headers["Retry-After"] = str(wait_s)
            return refused
        form = await request.form()
        if not hmac.compare_digest(str(form.get("secret", "")).strip().encode(), self.secret.encode()):
            self.failures.note(address, now)
            return self._refuse(request, "That is not the secret of this server.", 403)
        self.failures.forget(address)
        agent = request.headers.get("user-agent", "")
        token = await run_sync(lambda: open_session(self.context, owner=self.owner, agent=agent))
        answer = RedirectResponse(_back(request), 303)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=int(IDLE_FOR.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=scheme_of(request) == "https",
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        await run_sync(end_session, self.context, session_id_of(request.scope[TOKEN]))
        return self._leave()

    async def sign_out_everywhere(self, _: Request) -> Response:
        await run_sync(lambda: end_all_sessions(self.context, owner=self.owner))
        return self._leave()

    def _is_known(self, token: str) -> bool:
        return find_session(self.context, token, owner=self.owner) is not None

    def _refuse(self, request: Request, error: str, status: int) -> Response:
        return self.templates.render(request, "sign_in.html", status, back=_back(request), error=error)

    def _leave(self) -> Response:
        answer = Response(status_code=204, headers={"HX-Redirect": SIGN_IN, "Clear-Site-Data": '"cache"'})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def _back(request: Request) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    asked = request.query_params.get("next", HOME)
    return asked if asked.startswith("/ui/") and "\\" not in asked else HOME
