"""Templates: escaped by default, strict about names that are not there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from headway.domain.clock import format_utc
from headway.domain.sessions import csrf_token_of
from headway.web.assets import Assets
from headway.web.wording import say_bytes, say_duration, say_number, say_share

TOKEN = "headway.token"  # noqa: S105  (its name, not the token): where the gate leaves the token of the session


class Templates:
    """Renders pages for one set of assets."""

    def __init__(self, assets: Assets, *, version: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("headway.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"asset": assets.address_of, "version": version}
        self._environment.filters |= {
            "bytes": say_bytes,
            "duration": say_duration,
            "moment": _to_moment,
            "number": say_number,
            "share": say_share,
            "utc": _to_utc,
        }

    def render(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or a piece of one, in answer to a request."""
        token = request.scope.get(TOKEN)
        common = {"request": request, "csrf_token": csrf_token_of(token) if token else ""}
        return HTMLResponse(self._environment.get_template(name).render(**common, **values), status)


def _to_utc(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else format_utc(moment)


def _to_moment(at_s: int) -> str:
    return format_utc(datetime.fromtimestamp(at_s, UTC))
