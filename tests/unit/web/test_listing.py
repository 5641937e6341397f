"""From the address of the runs page to a filter, and back to addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headway.domain.errors import InvalidInput
from headway.domain.states import State
from headway.ports import RunFilter, RunSort, SortBy
from headway.web.listing import Listing, read_listing
from tests.factories import moment

NOW = moment(0)


def _read(**given: str) -> Listing:
    return read_listing(given, NOW, 50)


def test_an_address_without_parameters_lists_the_newest() -> None:
    assert _read().which == RunFilter()
    assert not _read(text=" ", status="", sort="created").is_narrowed


def test_every_filter_reaches_the_store() -> None:
    found = _read(
        text="wide",
        status="failed",
        kind="ppo",
        symbol="ETH",
        tag="sweep/1",
        created_before="2026-01-01",
        sort="name",
    ).which

    assert (found.text, found.symbol, found.tag) == ("wide", "ETH", "sweep/1")
    assert found.states == frozenset({State.FAILED})
    assert found.engines == frozenset({"ppo"})
    assert found.created_before == NOW
    assert found.sort.by is SortBy.NAME


def test_since_is_counted_from_now() -> None:
    assert _read(since="24h").which.created_from == NOW - timedelta(days=1)


def test_any_metric_can_be_sorted_by_and_is_shown_then() -> None:
    found = _read(sort="val/loss", order="asc", metric="sharpe")

    assert found.which.sort == RunSort(SortBy.METRIC, "val/loss", descending=False)
    assert found.metric == "val/loss"
    assert _read(metric="sharpe").metric == "sharpe"
    assert _read().metric is None


@pytest.mark.parametrize(
    "given",
    [
        {"status": "odd"},
        {"since": "9y"},
        {"order": "sideways"},
        {"cursor": "nothing"},
        {"created_from": "soon"},
        {"text": "x" * 201},
        {"metric": "m" * 201},
    ],
)
def test_what_cannot_be_listed_is_refused_by_its_name(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(given))):
        _read(**given)


def test_addresses_keep_what_is_asked_for_and_begin_at_the_first_page() -> None:
    found = Listing({"text": "a b", "cursor": "abc", "sort": "name", "order": "asc"}, RunFilter())

    assert found.address() == "/ui/runs?text=a+b&sort=name&order=asc"
    assert found.address(tag="x&y", text="") == "/ui/runs?sort=name&order=asc&tag=x%26y"
    assert found.address(cursor="def") == "/ui/runs?text=a+b&cursor=def&sort=name&order=asc"


def test_a_column_sorts_downwards_first_and_then_the_other_way() -> None:
    found = _read(sort="progress")

    assert found.sort_address("progress") == "/ui/runs?sort=progress&order=asc"
    assert found.sort_address("created") == "/ui/runs"
    assert found.sort_address("name") == "/ui/runs?sort=name&order=asc"
    assert (found.direction("progress"), found.direction("name")) == ("descending", "none")
