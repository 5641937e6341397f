"""Messages to desktops, chats and telephones through Apprise (port Notifier), which is an extra."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import structlog

from headway.domain.errors import InvalidInput

_log = structlog.get_logger("headway.notify")

_SETTING = "HEADWAY_NOTIFY_URLS"
_HIDDEN = "(not shown)"


class AppriseNotifier:
    """Its URLs hold passwords and tokens: they are in no log and in no error."""

    def __init__(self, urls: Sequence[str]) -> None:
        """InvalidInput when Apprise is not installed, or does not know one of the URLs."""
        try:
            apprise: Any = import_module("apprise")
        except ModuleNotFoundError as error:
            remedy = "pip install 'headway[notify]'"
            raise InvalidInput(
                _SETTING, _HIDDEN, "the package apprise is not installed", remedy=remedy
            ) from error
        for teller in ("apprise", "requests", "urllib3"):  # they log URLs
            logging.getLogger(teller).setLevel(logging.CRITICAL)
        self._apprise = apprise.Apprise()
        for number, url in enumerate(urls, start=1):
            if not self._apprise.add(url):
                remedy = "See the list of services of Apprise"
                raise InvalidInput(
                    _SETTING, _HIDDEN, f"number {number} is no URL that Apprise knows", remedy=remedy
                )

    def notify(self, title: str, text: str) -> bool:
        try:
            return bool(self._apprise.notify(title=title, body=text))
        except Exception as error:  # noqa: BLE001  (a hundred plugins; none of them may harm the service)
            _log.warning("a message could not be sent", kind=type(error).__name__)
            return False
