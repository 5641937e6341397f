"""The pages as one ASGI application, mounted below `/ui`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headway.control.context import Context
from headway.web.assets import Assets
from headway.web.builder_page import BuilderPage
from headway.web.compare_page import ComparePage
from headway.web.gate import Gate
from headway.web.headers import SetHeaders
from headway.web.home_page import HomePage
from headway.web.outcome_page import OutcomePage
from headway.web.reference_page import ReferencePage
from headway.web.refusals import Refusals
from headway.web.run_page import RunPage
from headway.web.runs_page import RunsPage
from headway.web.sessions_page import SessionsPage
from headway.web.sign_in import SignIn
from headway.web.system_page import SystemPage
from headway.web.templates import Templates

_PACK_FROM_BYTES = 1_000


def make_pages(context: Context, *, secret: str, owner: str, version: str) -> Starlette:
    """Every page over one context. Whoever has not signed in with the secret sees the sign-in page alone."""
    assets = Assets()
    if not assets.complete:
        return Starlette(routes=[Route("/{path:path}", _tell_what_is_missing)])
    templates = Templates(assets, version=version)
    routes = [
        Route("/static/{version}/{name:path}", assets.serve),
        *SignIn(context, templates, secret, owner).routes(),
        *HomePage(context, templates, owner).routes(),
        *RunsPage(context, templates, owner).routes(),
        *SystemPage(context, templates).routes(),
        *SessionsPage(context, templates, owner).routes(),
        *BuilderPage(context, templates).routes(),
        *RunPage(context, templates).routes(),
        *OutcomePage(context, templates).routes(),
        *ComparePage(context, templates).routes(),
        *ReferencePage(templates).routes(),
    ]
    refusals = Refusals(templates)
    pages = Starlette(
        routes=routes,
        # Packing pages that hold a token is safe here: the cookie is strict, so no other site can ask for them.
        middleware=[
            Middleware(SetHeaders),
            Middleware(Gate, context=context, owner=owner, tell=refusals.tell),
            Middleware(GZipMiddleware, minimum_size=_PACK_FROM_BYTES, compresslevel=5),
        ],
    )
    refusals.install(pages)
    return pages


async def _tell_what_is_missing(_: Request) -> Response:
    """In a checkout whose scripts and fonts were never fetched; the API works all the same."""
    return PlainTextResponse(
        "The pages are not built yet: run `python tools/vendor.py` in the source, install the package again unless it "
        "is installed with -e, then restart the server.\n",
        503,
    )
