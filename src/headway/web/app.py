"""The pages as one ASGI application, mounted below `/ui`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from headway.control.context import Context
from headway.web.assets import Assets
from headway.web.compare_page import ComparePage
from headway.web.gate import Gate
from headway.web.headers import SetHeaders
from headway.web.run_page import RunPage
from headway.web.sign_in import SignIn
from headway.web.templates import Templates


def make_pages(context: Context, *, secret: str, owner: str, version: str) -> Starlette:
    """Every page over one context. Whoever has not signed in with the secret sees the sign-in page alone."""
    assets = Assets()
    templates = Templates(assets, version=version)
    routes = [
        Route("/static/{version}/{name:path}", assets.serve),
        *SignIn(context, templates, secret, owner).routes(),
        *RunPage(context, templates).routes(),
        *ComparePage(context, templates).routes(),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(SetHeaders), Middleware(Gate, context=context, owner=owner)],
    )
