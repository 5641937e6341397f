"""Costs against sizes, drawn: `python -m benchmarks.plots FIGURES.json PLOT.svg` from what `--json` has written."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.tables import Measure

_UNITS = {"ms", "/s", "MB"}
_PANEL_INCHES = (4.4, 3.6)
# The same figures give the same file, and text stays text.
_STYLE: Any = {"svg.hashsalt": "headway", "svg.fonttype": "none", "font.size": 9}


def main() -> int:
    source, target = (Path(argument) for argument in sys.argv[1:3])
    groups = json.loads(source.read_text())["measures"]
    draw([Measure.from_json(each) for group in groups.values() for each in group], target)
    return 0


def draw(measures: Sequence[Measure], path: Path) -> None:
    """One panel for each thing of which there is more and more, and for each unit; both axes logarithmic."""
    drawn = [each for each in measures if each.size and each.size.count and each.unit in _UNITS]
    panels = sorted({(each.size.of, each.unit) for each in drawn if each.size})
    if not panels:
        raise ValueError("no figure was measured against a size: choose `scaling`")
    with mpl.rc_context(_STYLE):
        width, height = _PANEL_INCHES
        figure = Figure(figsize=(width * len(panels), height), layout="constrained")
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (of, unit) in zip(all_axes, panels, strict=True):
            _draw_panel(axes, [each for each in drawn if each.size and each.size.of == of], of, unit)
        figure.savefig(path, metadata={"Date": None})


def _draw_panel(axes: Axes, measures: Sequence[Measure], of: str, unit: str) -> None:
    chosen = [each for each in measures if each.unit == unit]
    for what in dict.fromkeys(each.what for each in chosen):
        places = [(each.size.count, each.value) for each in chosen if each.what == what and each.size]
        axes.plot(*zip(*places, strict=True), marker="o", markersize=3, linewidth=1, label=what)
    axes.set(xscale="log", yscale="log", xlabel=of, ylabel=unit)
    values = [each.value for each in chosen]
    axes.set_ylim(
        10 ** floor(log10(min(values))), 10 ** ceil(log10(max(values)))
    )  # whole decades: noise stays small
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    sys.exit(main())
