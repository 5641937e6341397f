"""The reference of the HTTP API: its own document, laid out by a script of ours."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headway.web.templates import Templates


@dataclass(frozen=True)
class ReferencePage:
    """The route of the page."""

    templates: Templates

    def routes(self) -> list[Route]:
        return [Route("/api", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """A frame: what is in it comes from `/openapi.json`."""
        return self.templates.render(request, "reference.html")
