"""Figures as a page in Markdown, written by the run that measured them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.tables import Measure, Reference, spell_number

_HEAD = """# What a run of the benchmarks measured

Written by `make bench`: every run replaces it. [Benchmarks](../docs/benchmarks.md) tells what each figure is.
"""
_FOOT = """\
A value is the median of the repetitions, with the least and the greatest of them in brackets. The ratio says how many
times as good ours is as what stands beside it, measured in the same run unless it is marked as published.
"""


def make_page(
    found: Mapping[str, Sequence[Measure]], *, at: str, command: str, machine: Mapping[str, str]
) -> str:
    told = "; ".join(f"{name}: {value}" for name, value in machine.items())
    lines = [_HEAD, f"{at}, by `{command}`.\n", f"Machine: {told}.\n", *_table(found), "", _FOOT]
    return "\n".join(lines)


def _table(found: Mapping[str, Sequence[Measure]]) -> Iterator[str]:
    yield "| benchmark | what | ours | goal | | beside it |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, measures in found.items():
        if not measures:
            yield f"| `{name}` | | failed | | | |"
        for measure in measures:
            yield f"| `{name}` | {' | '.join(_cells(measure))} |"


def _cells(measure: Measure) -> tuple[str, ...]:
    sign = "≥" if measure.more_is_better else "≤"
    size = f", {measure.size.count:,} {measure.size.of}" if measure.size else ""
    note = f" ({measure.note})" if measure.note else ""
    goal = "" if measure.goal is None else f"{sign} {spell_number(measure.goal)}"
    verdict = {True: "met", False: "missed", None: ""}[measure.met]
    beside = "; ".join(_spell(measure, reference) for reference in measure.against)
    return f"{measure.what}{size}{note}", _spell_value(measure), goal, verdict, beside


def _spell_value(measure: Measure) -> str:
    value = f"{spell_number(measure.value)} {measure.unit}"
    if measure.spread is None:
        return value
    return f"{value} ({spell_number(measure.spread.least)} – {spell_number(measure.spread.greatest)})"


def _spell(measure: Measure, reference: Reference) -> str:
    if reference.value is None:
        return f"{reference.name}: {reference.missing}"
    published = " (published)" if reference.published else ""
    ratio = measure.ratio_to(reference)
    times = "" if ratio is None else f", {spell_number(ratio)}×"
    return f"{reference.name} {spell_number(reference.value)}{published}{times}"
