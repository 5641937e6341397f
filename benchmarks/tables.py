"""What a benchmark has found, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_WHOLE_FROM = 100
_WIDTH = 130


@dataclass(frozen=True)
class Reference:
    """Something to compare with, measured in the same run unless it is `published`.

    Without a value, `missing` says why there is none.
    """

    name: str
    value: float | None
    missing: str = ""
    published: bool = False


@dataclass(frozen=True)
class Size:
    """What a figure was measured at: so many of something."""

    count: int
    of: str


@dataclass(frozen=True)
class Spread:
    """Between which a figure lay, measured so many times."""

    least: float
    greatest: float
    times: int


@dataclass(frozen=True)
class Measure:
    """One figure, with the goal and what it stands beside."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False
    against: tuple[Reference, ...] = ()
    note: str = ""
    size: Size | None = None
    spread: Spread | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None when there is none."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    def ratio_to(self, reference: Reference) -> float | None:
        """How many times as good as the reference this is; None where one of them is 0 or missing."""
        ours, theirs = self.value, reference.value
        if not ours or not theirs:  # one is 0, or there is none
            return None
        return ours / theirs if self.more_is_better else theirs / ours

    def to_json(self) -> dict[str, Any]:
        ratios = {reference.name: self.ratio_to(reference) for reference in self.against}
        return {**asdict(self), "met": self.met, "ratios": ratios}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measure:
        known = {name: found[name] for name in cls.__dataclass_fields__}
        against = tuple(Reference(**each) for each in found["against"])
        size = Size(**found["size"]) if found["size"] else None
        spread = Spread(**found["spread"]) if found["spread"] else None
        return cls(**{**known, "against": against, "size": size, "spread": spread})


def make_table(measures: Sequence[Measure], title: str = "") -> Table:
    """One row a measure; each reference on a line of its own, with how many times as good ours is."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("what", max_width=46)
    for name in ("ours", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("against", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    for measure in measures:
        table.add_row(*_cells(measure))
    return table


def print_table(table: Table) -> None:
    """As wide as it needs to be where nobody looks at a terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table)


def _cells(measure: Measure) -> tuple[str, ...]:
    sign = "≥" if measure.more_is_better else "≤"
    goal = "" if measure.goal is None else f"{sign} {spell_number(measure.goal)}"
    verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[measure.met]
    what = f"{measure.what}, {measure.size.count:,} {measure.size.of}" if measure.size else measure.what
    what = f"{what} [dim]({measure.note})[/]" if measure.note else what
    value = f"{spell_number(measure.value)} {measure.unit}"
    if measure.spread is not None:
        value += f"\n{spell_number(measure.spread.least)} – {spell_number(measure.spread.greatest)}"
    against = "\n".join(_spell(reference) for reference in measure.against)
    ratios = "\n".join(_ratio(measure.ratio_to(reference)) for reference in measure.against)
    return what, value, goal, verdict, against, ratios


def _spell(reference: Reference) -> str:
    if reference.value is None:
        return f"[dim]{reference.name}: {reference.missing}[/]"
    return f"{reference.name} {spell_number(reference.value)}{' [dim](published)[/]' if reference.published else ''}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{spell_number(ratio)}×"


def spell_number(value: float) -> str:
    if value == int(value) or abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
