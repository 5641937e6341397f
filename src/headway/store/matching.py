"""What lists of runs filter and sort by, taken from a run: the same for every store. Pure."""

from __future__ import annotations

import re
from math import isfinite

from headway.domain.clock import format_utc
from headway.domain.runs import Run
from headway.domain.subjects import symbols_of
from headway.ports import Place, RunFilter, RunSort, SortBy

SYMBOL = "symbol"
TAG = "tag"
WORD = "word"
MAX_WORD = 60
LAST = "\U0010ffff"  # after every text that goes on

_MAX_WORDS = 100
_MAX_NAME = 200
_WORD = re.compile(r"[^\W_]+")
_ID_BEGINS = re.compile(r"[a-z]{2,8}_[0-9][0-9a-f_]*")


def sort_name(run: Run) -> str:
    """The name as lists sort it: letters of either case beside one another."""
    return run.name.casefold()[:120]


def marks_of(run: Run) -> list[tuple[str, str]]:
    """(kind, value) of all that a run can be found by: symbols, tags, and words of its name, tags and notes."""
    marks = [(SYMBOL, symbol) for symbol in dict.fromkeys(symbols_of(run.spec))]
    marks += [(TAG, tag) for tag in dict.fromkeys(run.tags)]
    return marks + [(WORD, word) for word in _words(" ".join((run.name, *run.tags, run.notes)))[:_MAX_WORDS]]


def numbers_of(run: Run) -> dict[str, float]:
    """Every number that runs can be sorted by: the best of each metric, else its newest, and those of the result."""
    result = run.result.metrics if run.result is not None else {}
    numbers = {**run.latest, **run.best, **result}
    usable = {name: value for name, value in numbers.items() if value is not None and len(name) <= _MAX_NAME}
    return {name: float(value) for name, value in usable.items() if isfinite(value)}


def read_text(text: str) -> tuple[list[str], list[str]]:
    """(beginnings of the id, beginnings of words) that a text asks for; all must be met."""
    terms = text.split()
    ids = [term for term in terms if _ID_BEGINS.fullmatch(term)]
    return ids, _words(" ".join(term for term in terms if term not in ids))


def matches(run: Run, which: RunFilter) -> bool:
    """Whether a run is one of those asked for; the place and the limit are not looked at."""
    marks = marks_of(run)
    return (
        (which.engines is None or run.spec.engine in which.engines)
        and which.origin in (None, run.spec.origin)
        and (which.states is None or run.state in which.states)
        and (which.symbol is None or (SYMBOL, which.symbol) in marks)
        and (which.tag is None or (TAG, which.tag) in marks)
        and (which.created_from is None or run.created_at >= which.created_from)
        and (which.created_before is None or run.created_at < which.created_before)
        and (which.sort.by is not SortBy.METRIC or which.sort.metric in numbers_of(run))
        and _says(run, marks, which.text)
    )


def place_of(run: Run, sort: RunSort) -> Place:
    """Where a run stands in an order; no two runs have the same place."""
    values: dict[SortBy, tuple[str | float, ...]] = {
        SortBy.CREATED: (format_utc(run.created_at),),
        SortBy.STARTED: (format_utc(run.started_at) if run.started_at else "",),
        SortBy.FINISHED: (format_utc(run.finished_at) if run.finished_at else "",),
        SortBy.NAME: (sort_name(run),),
        SortBy.STATE: (run.state.value, format_utc(run.created_at)),
        SortBy.PROGRESS: (run.progress.fraction,),
        SortBy.METRIC: (numbers_of(run).get(sort.metric, 0.0),),
    }
    return (*values[sort.by], run.id)


def _says(run: Run, marks: list[tuple[str, str]], text: str) -> bool:
    ids, words = read_text(text)
    said = [value for kind, value in marks if kind == WORD]
    return all(run.id.startswith(begin) for begin in ids) and all(
        any(word.startswith(begin) for word in said) for begin in words
    )


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word[:MAX_WORD] for word in _WORD.findall(text.casefold())))
