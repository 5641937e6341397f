"""What a run that saved thousands of checkpoints still shows of them."""

from __future__ import annotations

from headway.control.history import read_history
from headway.domain.artifacts import Checkpoint
from headway.domain.runs import Run
from headway.ports import Transaction
from tests.fakes.services import Services
from tests.unit.control.acts import begin


def _path(step: int) -> str:
    return f"checkpoints/{step:012d}"


def _live_through(services: Services, run: Run, steps: range, there: set[int]) -> None:
    """Every second step is kept for a while; those of `there` still are."""

    def write(tx: Transaction) -> None:
        for step in steps[1::2]:
            tx.add_checkpoint(run.id, Checkpoint(_path(step), step, 1, "ab"))

    services.context.store.write(write)
    for step in there:
        (services.context.run_dir(run.id).path / _path(step)).mkdir(parents=True)


def test_all_checkpoints_that_are_there_are_shown_and_the_newest_that_are_gone(services: Services) -> None:
    run = begin(services)
    _live_through(services, run, range(1, 1001), there={2, 1000})

    history = read_history(services.context, run.id)

    assert [kept.step for kept in history.checkpoints] == [*range(1000, 598, -2), 2]
    assert history.pruned == {_path(step) for step in range(998, 598, -2)}
    assert history.left_out == 298


def test_a_run_without_checkpoints_has_none_that_are_gone(services: Services) -> None:
    history = read_history(services.context, begin(services).id)

    assert (history.checkpoints, history.left_out) == ([], 0)
