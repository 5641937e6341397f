"""A series as a small picture, drawn where nobody has to wait for a script. Pure."""

from __future__ import annotations

from collections.abc import Mapping

WIDTH = 112
HEIGHT = 28
POINTS = 96  # of a series, at most

_MARGIN = 3.0
# A picture knows nothing of the page around it: one colour that stands out on light and dark ground.
_COLOUR = "#2f9a92"


def draw_sparkline(points: Mapping[int, float]) -> str:
    """The SVG of step -> value, in order of step; a series of one point is a dot, none an empty picture."""
    body = ""
    if points:
        places = _place(points)
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        x, y = places[-1]
        body = (
            f'<polyline fill="none" stroke="{_COLOUR}" stroke-width="1.5" stroke-linejoin="round" points="{line}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{_COLOUR}"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>'
    )


def _place(points: Mapping[int, float]) -> list[tuple[float, float]]:
    first, last = min(points), max(points)
    low, high = min(points.values()), max(points.values())
    across, up = WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN
    return [
        (
            _MARGIN + across * _share(step - first, last - first, flat=1.0),
            _MARGIN + up * (1.0 - _share(value - low, high - low, flat=0.5)),
        )
        for step, value in points.items()
    ]


def _share(part: float, whole: float, *, flat: float) -> float:
    return part / whole if whole > 0 else flat
