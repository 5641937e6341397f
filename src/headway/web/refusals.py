"""What goes wrong, told on a page to people and as JSON to scripts; the same words for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from headway.domain.errors import Conflict, HeadwayError, InvalidInput, NotFound, StoreUnavailable
from headway.web.gate import asks_for_page
from headway.web.templates import Templates

_AGAIN_S = 5  # after that a store may answer again
_STATUS = {
    NotFound: 404,
    Conflict: 409,
    InvalidInput: 422,
    StoreUnavailable: 503,
}  # others are faults of ours
_TITLES = {404: "There is nothing here", 500: "Something went wrong", 503: "The store does not answer"}


@dataclass(frozen=True)
class Refusals:
    """Answers to requests that no page of ours could answer."""

    templates: Templates

    def install(self, app: Starlette) -> None:
        app.add_exception_handler(HeadwayError, self._answer_ours)
        app.add_exception_handler(HTTPException, self._answer_http)
        app.add_exception_handler(Exception, self._answer_fault)

    def tell(self, request: Request, error: HeadwayError) -> Response:
        """What is known to go wrong. Raises others again."""
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
        if status is None:
            raise error
        headers = {"Retry-After": str(_AGAIN_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        return self._answer(request, status, str(error), headers)

    async def _answer_ours(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HeadwayError):
            raise error
        return self.tell(request, error)

    async def _answer_http(self, request: Request, error: Exception) -> Response:
        """404 for an address that leads nowhere, 405 for one that is asked in another way."""
        if not isinstance(error, HTTPException):
            raise error
        return self._answer(request, error.status_code, "", error.headers or {})

    async def _answer_fault(self, request: Request, _: Exception) -> Response:
        """500; what it was goes into the log, by the application around the pages."""
        return self._answer(request, 500, "The log of the server says what.", {})

    def _answer(self, request: Request, status: int, why: str, headers: Mapping[str, str]) -> Response:
        title = _TITLES.get(status, HTTPStatus(status).phrase)
        if not asks_for_page(request):
            return JSONResponse({"message": why or title}, status, headers)
        of_server = {"is_fault": status >= 500, "is_away": status == HTTPStatus.SERVICE_UNAVAILABLE}
        answer = self.templates.render(request, "refused.html", status, title=title, why=why, **of_server)
        answer.headers.update(headers)
        return answer
