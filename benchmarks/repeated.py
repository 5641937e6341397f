"""The same benchmark several times: the median of each figure, and between which it lay."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.tables import Measure, Reference, Spread


def merge(runs: Sequence[Sequence[Measure]]) -> list[Measure]:
    """One measure for each figure that every run has, in the order of the first; a note is that of the median run."""
    if len(runs) == 1:
        return list(runs[0])
    by_name = [{_name(measure): measure for measure in run} for run in runs]
    names = [_name(measure) for measure in runs[0]]
    return [_merge([run[name] for run in by_name]) for name in names if all(name in run for run in by_name)]


def _name(measure: Measure) -> tuple[str, int]:
    return measure.what, measure.size.count if measure.size else 0


def _merge(found: Sequence[Measure]) -> Measure:
    values = [measure.value for measure in found]
    middle = statistics.median_low(values)
    chosen = next(measure for measure in found if measure.value == middle)
    others = zip(*(measure.against for measure in found), strict=True)
    return replace(
        chosen,
        spread=Spread(min(values), max(values), len(values)),
        against=tuple(_middle_of(references) for references in others),
    )


def _middle_of(references: Sequence[Reference]) -> Reference:
    """The median of what was measured; where one run has none, that it is missing."""
    missing = next((reference for reference in references if reference.value is None), None)
    if missing is not None:
        return missing
    return replace(
        references[0],
        value=statistics.median_low([each.value for each in references if each.value is not None]),
    )
