"""Retention on real folders: what goes, what is told, and that it can be killed anywhere and run again."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from headway.control.finish import finish
from headway.control.query import read_console
from headway.control.resume import resume
from headway.control.vacuum import Plan, plan_removals, record_plan, remove_files
from headway.domain.artifacts import Artifact
from headway.domain.errors import NotFound
from headway.domain.events import EventKind
from headway.domain.retention import Kept, Rules
from headway.domain.runs import Run
from headway.domain.states import State
from headway.wire.jobs import ResumeRequest
from headway.wire.lines import LineKind
from tests.fakes.executor import make_exit
from tests.fakes.services import Services, make_services
from tests.unit.control.acts import (
    begin,
    events,
    get,
    kinds,
    leave_checkpoint,
    leave_result,
    log_of,
    make_result,
    say,
)

_DAY = timedelta(days=1)
_ALL = Rules(checkpoints=_DAY, logs=_DAY, metrics=_DAY, failed=_DAY)
_MODEL = Artifact("artifacts/model/policy.json", "model", 2, "ab")


@pytest.fixture(params=["memory", "sqlite"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Services:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'store.db'}"
    return make_services(tmp_path, store_url=url)


def _ended(services: Services, *, done: bool) -> Run:
    """A run with logs, points and two checkpoints, that ended two days ago."""
    run = begin(services)
    folder = services.context.run_dir(run.id)
    folder.attempt(1).console.write_text("hello\n")
    for step in (1, 2):
        path = leave_checkpoint(services, run, step)
        say(services, run, LineKind.CHECKPOINT, path=path, step=step, size_bytes=1, sha256="cc")
    say(services, run, LineKind.METRICS, rows=[[step, {"train/loss": 0.5}] for step in range(100)])
    if done:
        model = folder.path / _MODEL.path
        model.parent.mkdir(parents=True)
        model.write_text("{}")
        leave_result(services, run, make_result(artifacts=(_MODEL,)))
    ended = finish(services.context, run, make_exit(code=0 if done else 1))
    services.clock.advance(2 * 86400)
    return ended


def _plan(services: Services, rules: Rules) -> list[Plan]:
    context = services.context
    return list(plan_removals(context.store, context.policy.runs_dir, rules, context.clock.now()))


def _apply(services: Services, plan: Plan) -> bool:
    context = services.context
    recorded = record_plan(context.store, plan, context.clock.now())
    if recorded:
        remove_files(context.policy.runs_dir, plan)
    return recorded


def _points(services: Services, run: Run) -> int:
    return services.context.store.read(lambda tx: tx.count_points(run.id))


def test_a_plan_names_everything_and_changes_nothing(services: Services) -> None:
    run = _ended(services, done=False)

    (plan,) = _plan(services, _ALL)

    sizes = {removal.kept: removal.size_bytes for removal in plan.removals}
    assert set(sizes) == set(Kept)
    assert sizes[Kept.LOGS] == 6 + log_of(services, run).stat().st_size
    assert sizes[Kept.METRICS] > 1600
    assert get(services, run.id) == run
    assert _points(services, run) == 100


def test_what_is_removed_is_gone_and_the_run_says_so(services: Services) -> None:
    run = _ended(services, done=False)
    (plan,) = _plan(services, _ALL)

    assert _apply(services, plan)

    folder = services.context.run_dir(run.id)
    assert (list(folder.checkpoints.iterdir()), _points(services, run)) == ([], 0)
    assert services.context.store.read(lambda tx: tx.checkpoints(run.id)) == []
    assert not folder.attempt(1).console.exists()
    assert not folder.attempt(1).events.exists()
    told = events(services, run)[-1]
    assert told.kind is EventKind.DATA_REMOVED
    assert told.data["metrics"] == {"size_bytes": plan.removals[1].size_bytes, "paths": [], "points": 100}
    assert set(get(services, run.id).removed) == set(Kept)
    assert get(services, run.id).state is State.FAILED
    assert _plan(services, _ALL) == []


def test_a_log_that_was_removed_is_explained(services: Services) -> None:
    run = _ended(services, done=True)
    (plan,) = _plan(services, Rules(logs=_DAY))
    _apply(services, plan)

    with pytest.raises(NotFound, match=r"the logs of .* were removed at 2026-.*headway store vacuum"):
        read_console(services.context, run.id)


def test_killed_before_the_first_file_the_next_one_removes_them_and_tells_nothing_twice(
    services: Services,
) -> None:
    run = _ended(services, done=False)
    (plan,) = _plan(services, _ALL)
    record_plan(services.context.store, plan, services.clock.now())  # and dies here

    (again,) = _plan(services, _ALL)
    _apply(services, again)

    assert kinds(services, run).count(EventKind.DATA_REMOVED) == 1
    assert not services.context.run_dir(run.id).attempt(1).console.exists()
    assert _plan(services, _ALL) == []


def test_killed_within_a_checkpoint_the_next_one_removes_the_rest(services: Services) -> None:
    run = _ended(services, done=True)
    (plan,) = _plan(services, Rules(checkpoints=_DAY, keep_checkpoints=0))
    record_plan(services.context.store, plan, services.clock.now())
    newest, oldest = (services.context.run_dir(run.id).path / path for path in plan.removals[0].paths)
    shutil.rmtree(oldest)
    next(newest.iterdir()).unlink()  # and dies here

    (again,) = _plan(services, Rules(checkpoints=_DAY, keep_checkpoints=0))
    _apply(services, again)

    assert not newest.exists()
    assert kinds(services, run).count(EventKind.DATA_REMOVED) == 1


def test_a_run_that_is_resumed_after_it_was_planned_keeps_everything(services: Services) -> None:
    run = _ended(services, done=False)
    (plan,) = _plan(services, _ALL)
    resume(services.context, run.id, ResumeRequest())

    assert not _apply(services, plan)

    assert _points(services, run) == 100
    assert get(services, run.id).state is State.QUEUED
    assert services.context.run_dir(run.id).attempt(1).console.exists()


def test_a_failed_run_resumes_from_its_newest_checkpoint_after_retention(services: Services) -> None:
    run = _ended(services, done=False)
    (plan,) = _plan(services, Rules(checkpoints=_DAY, keep_checkpoints=0, logs=_DAY, metrics=_DAY))
    _apply(services, plan)

    resume(services.context, run.id, ResumeRequest())

    assert events(services, run)[-1].data["checkpoint"] == "checkpoints/000000000002"


def test_the_next_generation_finds_the_model_of_the_newest_done_run_after_retention(
    services: Services,
) -> None:
    done = _ended(services, done=True)
    (plan,) = _plan(services, Rules(**{**vars(_ALL), "keep_checkpoints": 0}))
    _apply(services, plan)

    heir = begin(services)

    launch = services.executor.launches[heir.id, 1]
    predecessor = launch.context["predecessor"]
    assert isinstance(predecessor, dict)
    assert predecessor["run_id"] == done.id
    assert (Path(predecessor["model_dir"]) / "policy.json").is_file()


def test_an_active_run_and_a_young_one_are_not_planned(services: Services) -> None:
    _ended(services, done=True)
    begin(services)
    assert _plan(services, Rules(logs=timedelta(days=3))) == []
    assert len(_plan(services, _ALL)) == 1
