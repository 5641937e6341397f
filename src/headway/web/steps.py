"""What a builder is made of: kinds of runs, their steps, their fields.

Labels and help are said here. Bounds, choices and defaults are not: they are read from the shapes that the API takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

_OVERRIDES = ".overrides."
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Widget(StrEnum):
    """How a field is asked for; `builder/widgets.html` has a macro and `fields.js` a reader for each."""

    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    CHOICE = "choice"
    PRESETS = "presets"
    SWITCH = "switch"
    CHECKS = "checks"
    WORDS = "words"
    WEIGHTS = "weights"
    DATASET = "dataset"
    PER_TIMEFRAME = "per-timeframe"
    TREE = "tree"


@dataclass(frozen=True)
class Field:
    """One question. `path`: where its answer stands in the request, with dots between."""

    path: str
    label: str
    widget: Widget
    help: str = ""
    options: tuple[str, ...] = ()  # empty: those of the shape
    words: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # what options are called
    narrow: bool = False  # several stand beside each other
    from_data: bool = False  # its options are timeframes, of which the candles give some

    @property
    def map(self) -> str:
        """The free part of the request that it shares with others; empty for a place of its own."""
        if self.widget is Widget.TREE:
            return self.path
        return f"{self.path.partition(_OVERRIDES)[0]}{_OVERRIDES[:-1]}" if _OVERRIDES in self.path else ""

    @property
    def prefix(self) -> str:
        """What begins the keys that are its own there."""
        return "" if self.widget is Widget.TREE else f"{self.path.partition(_OVERRIDES)[2]}."


@dataclass(frozen=True)
class Group:
    """Fields under one heading, or under none; `folded` ones are for those who look for them."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False
    help: str = ""


@dataclass(frozen=True)
class Step:
    """One page of the builder. `key` is in its address, and is the part of the whole tree that it decides."""

    key: str
    title: str
    lead: str
    groups: tuple[Group, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for group in self.groups for each in group.fields)


@dataclass(frozen=True)
class Kind:
    """One front door of the API, as a sequence of steps."""

    key: str
    title: str
    origin: str  # of the runs that it makes
    request: type[BaseModel]
    address: str  # takes the request
    id_field: str  # of its answer
    steps: tuple[Step, ...]
    preset: str = ""  # the field that decides what others are when they are left alone
    telling: Mapping[str, str] = field(
        default_factory=lambda: _NOTHING
    )  # how presets are told apart, by field
    begin_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for step in self.steps for each in step.fields)
