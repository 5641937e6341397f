"""Numbers, times and tables for people. A number that is missing is shown as a dash, never as 0."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headway.domain.clock import parse_utc

MISSING = "—"
_PLAIN_WIDTH = 160
_MINUTE_S = 60
_HOUR_S = 3600
_LARGE = 1_000
_SPACES = (
    "\n\t\u00a0\u202f"  # no control characters; those that keep a number with its unit are no trick either
)


def make_console(*, stderr: bool = False) -> Console:
    """A console that takes text as it is, and is wide where no terminal says how wide."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


def say(console: Console, text: str, *, style: str = "") -> None:
    """One line, never wrapped, so that paths and commands can be copied."""
    console.print(Text(_visible(text), style=style), soft_wrap=True)


def number_text(value: Any, digits: int = 2) -> str:
    return f"{value:,.{digits}f}" if _is_number(value) else MISSING


def count_text(value: Any) -> str:
    return f"{value:,.0f}" if _is_number(value) else MISSING


def percent_text(value: Any, digits: int = 1) -> str:
    """A number that is in percent already."""
    return f"{value:.{digits}f} %" if _is_number(value) else MISSING


def fraction_text(value: Any, digits: int = 1) -> str:
    """A fraction, shown in percent."""
    return f"{value * 100:.{digits}f} %" if _is_number(value) else MISSING


def metric_text(value: Any) -> str:
    """Any metric, to four digits that matter; counts whole."""
    if _is_number(value) and abs(value) >= _LARGE and float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.4g}" if _is_number(value) else MISSING


def interval_text(bounds: Any) -> str:
    if not isinstance(bounds, list | tuple) or not all(map(_is_number, bounds)):
        return MISSING
    low, high = bounds
    return f"{low:.2f} to {high:.2f}"


def duration_text(seconds: Any) -> str:
    """`2 h 05 min`, `3 min 20 s`, `12 s`."""
    if not _is_number(seconds):
        return MISSING
    whole = round(seconds)
    if whole >= _HOUR_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    if whole >= _MINUTE_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole} s"


def time_text(moment: Any) -> str:
    """A moment to the second, in UTC; as it came when it is no ISO 8601."""
    if not moment:
        return MISSING
    try:
        return f"{parse_utc(str(moment)):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return str(moment)


def text_of(value: Any) -> str:
    """Any value as text that cannot steer the terminal."""
    return MISSING if value is None or value == "" else _visible(str(value))


def names_text(names: Any) -> str:
    return ", ".join(map(str, names)) if names else MISSING


def pairs_table() -> Table:
    """Two columns, no frame: what and how much."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def rows_table(*headings: str) -> Table:
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    return table


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _visible(text: str) -> str:
    return "".join(
        char if char.isprintable() or char in _SPACES else "\N{REPLACEMENT CHARACTER}" for char in text
    )
