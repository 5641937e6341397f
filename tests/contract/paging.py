"""All pages of a list, one after the other."""

from __future__ import annotations

from dataclasses import replace

from headway.ports import RunFilter, RunRows, Store


def page_through(store: Store, which: RunFilter) -> list[str]:
    """The ids of every page; the place of each page's last row begins the next."""
    seen: list[str] = []
    while True:
        page = read_page(store, which)
        seen += [run.id for run in page.runs]
        if page.last is None:
            return seen
        which = replace(which, after=page.last)


def read_page(store: Store, which: RunFilter) -> RunRows:
    return store.read(lambda tx: tx.list_runs(which))
