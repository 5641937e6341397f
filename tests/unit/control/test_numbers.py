from __future__ import annotations

from collections.abc import Mapping

from headway.control.numbers import Window, compare_runs
from headway.domain.metrics import MetricPoint
from headway.domain.runs import Run
from tests.factories import moment
from tests.fakes.services import Services
from tests.unit.control.acts import queue


def _give(services: Services, run: Run, name: str, points: Mapping[int, float]) -> None:
    measured = [MetricPoint(name, step, value, moment(0)) for step, value in points.items()]
    services.context.store.write(lambda tx: tx.append_points(run.id, 1, measured))


def test_long_series_of_several_runs_meet_at_the_same_steps_and_keep_their_extremes(
    services: Services,
) -> None:
    first, second = queue(services), queue(services)
    _give(services, first, "train/loss", {step: float(step) for step in range(0, 3000, 7)} | {3003: -50.0})
    _give(services, second, "train/loss", dict.fromkeys(range(0, 3000, 10), 1.0) | {3000: 90.0})

    found = compare_runs(services.context, [first.id, second.id], Window(points=20))

    steps, (ours, theirs) = found.numbers["train/loss"]
    assert found.thinned == ["train/loss"]
    assert len(steps) <= 20
    assert None not in ours
    assert None not in theirs
    assert (min(value or 0.0 for value in ours), max(value or 0.0 for value in theirs)) == (-50.0, 90.0)


def test_series_that_are_short_enough_are_told_at_their_very_steps(services: Services) -> None:
    first, second = queue(services), queue(services)
    _give(services, first, "val/loss", {100: 0.5, 200: 0.25})
    _give(services, second, "val/loss", {200: 0.75})

    found = compare_runs(services.context, [first.id, second.id], Window(points=20))

    assert found.numbers == {"val/loss": ([100, 200], [[0.5, 0.25], [None, 0.75]])}
    assert found.thinned == []


def test_names_beyond_what_is_told_are_listed_and_told_when_they_are_asked_for(services: Services) -> None:
    first, second = queue(services), queue(services)
    for number in range(60):
        _give(services, first, f"own/{number:02}", {1: float(number)})

    found = compare_runs(services.context, [first.id, second.id], Window())
    rest = compare_runs(services.context, [first.id, second.id], Window(names=tuple(found.left_out)))

    assert found.left_out == [f"own/{number}" for number in range(50, 60)]
    assert list(rest.numbers) == found.left_out
    assert rest.left_out == []
