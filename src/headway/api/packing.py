"""Routes whose answers are packed for who takes that: lists, series and logs are text that shrinks to a fifth."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

_FROM_BYTES = 1_000
_LEVEL = 5


class PackedRoute(APIRoute):
    """A route of FastAPI whose answers are packed with gzip, but for short ones. Not for files: ranges are of bytes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = GZipMiddleware(self.app, minimum_size=_FROM_BYTES, compresslevel=_LEVEL)
