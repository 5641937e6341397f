"""What the address of the runs page asks for, and addresses that ask for something else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import ValidationError

from headway.control.run_lists import ListQuery, make_filter
from headway.domain.clock import format_utc
from headway.domain.errors import InvalidInput
from headway.ports import RunFilter

RUNS = "/ui/runs"
CSV = "/ui/list/runs.csv"
KINDS = ("forecast", "ppo")
STATUSES = ("pending", "running", "completed", "failed", "cancelled")
ORDERS = {
    "created": "Created",
    "started": "Started",
    "finished": "Ended",
    "name": "Name",
    "status": "Status",
    "progress": "Progress",
}
SINCE = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}

_FILTERS = ("text", "status", "kind", "symbol", "tag", "since", "created_from", "created_before")
_LOOKS = ("metric", "sort", "order")
_ASIDE = {"metric", "since"}  # of the page, not of the list
_DEFAULTS = {"sort": "created", "order": "desc"}
_MAX_METRIC = 200


@dataclass(frozen=True)
class Listing:
    """A page of the list: `given` is what the address says, less what is empty or goes without saying."""

    given: Mapping[str, str]
    which: RunFilter

    @property
    def sort(self) -> str:
        return self.given.get("sort", _DEFAULTS["sort"])

    @property
    def order(self) -> str:
        return self.given.get("order", _DEFAULTS["order"])

    @property
    def metric(self) -> str | None:
        """The metric that is shown: the one sorted by, else the one chosen; None leaves it to the kind of each run."""
        return self.given.get("metric") if self.sort in ORDERS else self.sort

    @property
    def is_narrowed(self) -> bool:
        return any(name in self.given for name in _FILTERS)

    @property
    def is_first(self) -> bool:
        return "cursor" not in self.given

    def filter_of(self, name: str) -> str:
        """What a field of the form holds."""
        return self.given.get(name, "")

    def address(self, base: str = RUNS, **changes: str) -> str:
        """The address of this list with some of it changed, on its first page; an empty value takes away."""
        wanted = {**self.given, "cursor": "", **changes}
        kept = {name: value for name, value in wanted.items() if value and value != _DEFAULTS.get(name)}
        return f"{base}?{urlencode(kept)}" if kept else base

    def sort_address(self, column: str) -> str:
        """Sorted by a column; by the one that it is sorted by already, the other way round."""
        if column == self.sort:
            return self.address(order="asc" if self.order == "desc" else "desc")
        return self.address(sort=column, order="asc" if column == "name" else "desc")

    def direction(self, column: str) -> str:
        """As `aria-sort` says it."""
        if column != self.sort:
            return "none"
        return "ascending" if self.order == "asc" else "descending"


def read_listing(params: Mapping[str, str], now: datetime, limit: int) -> Listing:
    """InvalidInput, naming the field, for what cannot be listed; unknown parameters are not looked at."""
    known = {*_FILTERS, *_LOOKS, "cursor"}
    given = {
        name: value.strip()
        for name, value in params.items()
        if name in known and value.strip() and value.strip() != _DEFAULTS.get(name)
    }
    asked = {name: value for name, value in given.items() if name not in _ASIDE}
    if "since" in given:
        asked["created_from"] = _since(given["since"], now)
    if len(given.get("metric", "")) > _MAX_METRIC:
        raise InvalidInput("metric", given["metric"], f"at most {_MAX_METRIC} characters")
    try:
        query = ListQuery.model_validate({**asked, "limit": limit})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(str(first["loc"][0]), first["input"], first["msg"]) from error
    return Listing(given, make_filter(query))


def _since(word: str, now: datetime) -> str:
    if word not in SINCE:
        raise InvalidInput("since", word, ", ".join(SINCE))
    begun = now.replace(second=0, microsecond=0)  # so that pages of one minute ask for the same list
    return format_utc(begun - SINCE[word][1])
