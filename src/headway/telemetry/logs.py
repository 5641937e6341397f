"""Structured logs, with run ids and without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_HIDDEN = "(hidden)"
_SECRET_WORDS = ("secret", "password", "token", "authorization", "api_key")


def configure_logs(level: str, *, as_json: bool, secrets: tuple[str, ...] = ()) -> None:
    """Send all logs, also those of libraries, to stderr: for people, or one JSON object a line.

    A value whose name speaks of a secret, and every occurrence of one of `secrets`, is hidden.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # as text, without variables, before secrets are hidden in it
        _Hider(secrets),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in ("httpx", "httpcore", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Hider:
    """Takes secrets out of an event, wherever they stand."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {name: self._clean(name, value) for name, value in event.items()}

    def _clean(self, name: str, value: Any) -> Any:
        if any(word in name.lower() for word in _SECRET_WORDS):
            return _HIDDEN
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, _HIDDEN)
        return value
