"""What makes a forecast worth something: it learns, it repeats, it goes on, it stops, and it says when it broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headway.domain.artifacts import Standing
from headway.domain.errors import DataError
from headway.domain.reasons import Reason
from headway.engines.base import Diverged, Stopped
from headway.engines.forecast.devices import Machine, Precision, prepared
from headway.engines.forecast.learn import Learned, learn
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.windows import Windows
from headway.wire.forecast import (
    DataConfig,
    ForecastConfig,
    HorizonConfig,
    LossConfig,
    ModelConfig,
    TrainConfig,
)
from headway.wire.rundir import RunDir, get_json
from tests.fakes.panels import wave_panel
from tests.fakes.reporter import RecordingReporter

pytestmark = pytest.mark.slow

CPU = Machine("cpu", "fp32")
SMALL = ModelConfig(
    variant="tiny",
    d_model=16,
    n_heads=2,
    n_layers_tf=1,
    n_layers_fusion=1,
    patch_len=4,
    stride=4,
    context_patches=4,
)
QUICK = TrainConfig(max_epochs=3, batch_size=64, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def _as_in_a_run() -> object:
    with prepared(CPU, threads=1):
        yield


def make_config(**training: object) -> ForecastConfig:
    return ForecastConfig(
        data=DataConfig(source="wave", base_timeframe="1h", timeframes=("1h", "4h")),
        horizons=HorizonConfig(next_bars=2, short="2h", long="4h"),
        model=SMALL,
        training=QUICK.model_copy(update=training),
    )


def make_plan(config: ForecastConfig | None = None, **changes: object) -> Plan:
    plan = Plan(wave_panel(600), config or make_config(), seed=3, machine=CPU)
    return replace(plan, **changes)  # type: ignore[arg-type]


def make_reporter(path: Path) -> RecordingReporter:
    path.mkdir(parents=True, exist_ok=True)
    return RecordingReporter(RunDir(path))


def assert_same(first: Learned, second: Learned) -> None:
    assert first.record.validations == second.record.validations
    assert (first.best.step, first.best.loss) == (second.best.step, second.best.loss)
    assert first.steps == second.steps
    for name, tensor in first.forecaster.network.state_dict().items():
        assert torch.equal(tensor, second.forecaster.network.state_dict()[name]), name


@pytest.mark.parametrize("regression", ["gaussian_nll", "student_t", "quantile", "deterministic"])
def test_a_wave_is_learnt_and_its_direction_foreseen(tmp_path: Path, regression: str) -> None:
    config = make_config(max_epochs=8)
    config = config.model_copy(update={"loss": LossConfig.model_validate({"regression": regression})})
    plan = make_plan(config, panel=wave_panel(1_200))
    learned = learn(plan, make_reporter(tmp_path))

    panel, rows = plan.panel, plan.panel.windows["test"]
    forecast, _ = learned.forecaster.foresee(rows)
    right = np.sign(forecast.mean) == np.sign(panel.path_target[rows])
    losses = [found.loss for found in learned.record.validations]
    assert losses[-1] < losses[0]
    assert right.mean() >= 0.95
    assert (forecast.short_probabilities.argmax(1) == panel.short_target[rows]).mean() >= 0.95
    assert (forecast.lower is None) == (regression == "deterministic")


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(tmp_path: Path) -> None:
    first = learn(make_plan(), make_reporter(tmp_path / "first"))
    second = learn(make_plan(), make_reporter(tmp_path / "second"))
    other = learn(make_plan(seed=4), make_reporter(tmp_path / "other"))

    assert_same(first, second)
    assert other.record.validations != first.record.validations


@pytest.mark.parametrize(
    ("checks", "precision"), [(3, "fp32"), (7, "fp32"), (8, "fp32"), (9, "bf16"), (20, "fp32")]
)
def test_a_stopped_training_that_goes_on_ends_like_one_left_alone(
    tmp_path: Path, checks: int, precision: Precision
) -> None:
    """Within an epoch, while validating, and right after: 6 batches and 1 of validation make an epoch."""
    plan = make_plan(machine=replace(CPU, precision=precision))
    alone = make_reporter(tmp_path / "straight")
    straight = learn(plan, alone)
    reporter = make_reporter(tmp_path / "stopped")
    reporter.stop_when = lambda count: count == checks
    with pytest.raises(Stopped):
        learn(plan, reporter)

    again = make_reporter(tmp_path / "stopped")
    resumed = learn(plan, again, resume_from=reporter.run.path / reporter.sealed[-1].path)

    assert_same(straight, resumed)
    assert [losses_of(point) for point in (*reporter.points, *again.points)] == [
        losses_of(point) for point in alone.points
    ]


def losses_of(point: tuple[int, dict[str, float]]) -> tuple[int, dict[str, float]]:
    step, values = point
    return step, {name: value for name, value in values.items() if not name.startswith("system/")}


def test_a_stop_is_noticed_within_a_batch_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.stop_when = lambda count: count >= 4
    with pytest.raises(Stopped):
        learn(make_plan(), reporter)

    (checkpoint,) = reporter.sealed
    assert checkpoint.step == 3
    assert reporter.checks == 4
    assert get_json(reporter.run.path / checkpoint.path / "state.json")["place"]["position"] == 3


def test_a_stop_before_the_first_batch_leaves_nothing(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    reporter.stop_when = lambda count: True
    with pytest.raises(Stopped):
        learn(make_plan(), reporter)

    assert reporter.sealed == []


def test_a_training_resumed_at_its_end_has_nothing_left_to_do(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    straight = learn(make_plan(), reporter)
    resumed = learn(make_plan(), reporter, resume_from=reporter.run.path / reporter.sealed[-1].path)

    assert_same(straight, resumed)
    assert resumed.windows_per_s is None


def test_a_checkpoint_of_another_plan_is_refused(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    learn(make_plan(), reporter)
    folder = reporter.run.path / reporter.sealed[-1].path

    with pytest.raises(DataError, match="not those that the checkpoint was made with"):
        learn(make_plan(seed=4), reporter, resume_from=folder)


def test_the_best_checkpoints_and_the_last_stay(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    config = make_config(max_epochs=7, top_k=2, learning_rate=0.1, min_learning_rate=0.1)
    learned = learn(make_plan(config), reporter)

    kept = {int(folder.name) for folder in reporter.run.checkpoints.iterdir()}
    ranked = sorted(learned.record.validations, key=lambda found: found.loss)
    assert kept == {ranked[0].step, ranked[1].step, learned.steps}


def test_no_gain_for_the_patience_ends_a_training_early_with_its_best_weights(tmp_path: Path) -> None:
    config = make_config(max_epochs=50, patience=2, learning_rate=0.3, min_learning_rate=0.3, clip=0.0)
    plan = make_plan(config, panel=wave_panel(600, noise=0.5))
    learned = learn(plan, make_reporter(tmp_path))

    losses = [found.loss for found in learned.record.validations]
    assert learned.reason is Reason.STOPPED_EARLY
    assert len(losses) < 50
    assert learned.best.loss == min(losses)
    _, terms = learned.forecaster.foresee(plan.panel.windows["validation"])
    assert float(terms.total(torch.tensor([0.5, 0.25, 0.25]))) == learned.best.loss


def test_the_duration_ends_a_training_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    ticks = iter(range(1_000_000))
    plan = make_plan(make_config(max_epochs=1_000, patience=0), duration_s=80.0)
    learned = learn(plan, make_reporter(tmp_path), clock=lambda: float(next(ticks)))

    assert learned.reason is Reason.COMPLETED
    assert learned.epochs < 1_000
    assert learned.record.validations[-1].step == learned.steps


def test_a_training_without_time_learns_one_batch_and_validates_it(tmp_path: Path) -> None:
    learned = learn(make_plan(attempt_s=0.0), make_reporter(tmp_path))

    assert (learned.steps, learned.best.step) == (1, 1)


def test_a_resumed_attempt_trains_no_longer_than_is_left_to_it(tmp_path: Path) -> None:
    config = make_config(max_epochs=1_000, patience=0)
    reporter = make_reporter(tmp_path)
    first = learn(make_plan(config, duration_s=40.0), reporter, clock=make_clock())
    resume = reporter.run.path / reporter.sealed[-1].path
    plan = make_plan(config, duration_s=4_000.0, attempt_s=30.0)
    second = learn(plan, make_reporter(tmp_path), resume_from=resume, clock=make_clock())

    assert second.steps > first.steps
    assert 30.0 <= second.elapsed_s - first.elapsed_s < 80.0


def test_a_stop_in_the_last_validation_of_a_duration_is_made_good_for(tmp_path: Path) -> None:
    """The first attempt runs out of time within its first epoch, and is stopped while it validates."""
    plan = make_plan(make_config(max_epochs=1_000), duration_s=1.0)
    reporter = make_reporter(tmp_path)
    reporter.stop_when = lambda count: count == 2  # the first is of the batch
    with pytest.raises(Stopped):
        learn(plan, reporter, clock=make_clock())
    assert reporter.standings == [Standing(epoch=0)]

    resumed = learn(plan, make_reporter(tmp_path), resume_from=reporter.run.path / reporter.sealed[-1].path)

    assert (resumed.steps, resumed.best.step, len(resumed.record.validations)) == (1, 1, 1)


def make_clock() -> Callable[[], float]:
    """A second passes at every look."""
    ticks = iter(range(1_000_000))
    return lambda: float(next(ticks))


def test_the_windows_a_second_count_a_short_batch_as_it_is(tmp_path: Path) -> None:
    plan = make_plan(make_config(batch_size=4_096))
    learned = learn(plan, make_reporter(tmp_path), clock=lambda: 0.0)  # no time passes: a billionth is taken

    assert learned.windows_per_s == pytest.approx(3 * len(plan.panel.windows["train"]) * 1e9)


def test_a_checkpoint_says_how_good_its_weights_are(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    learned = learn(make_plan(), reporter)

    newest = learned.record.validations[-1]
    assert reporter.standings[-1] == Standing(3, newest.loss, newest.scores["da"])


@pytest.mark.parametrize("option", ["instance_norm", "linear_skip"])
@pytest.mark.parametrize("before", [True, False])
def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, option: str, before: bool) -> None:
    def plan_with(value: bool) -> Plan:
        config = make_config(max_epochs=1)
        return make_plan(config.model_copy(update={"model": SMALL.model_copy(update={option: value})}))

    reporter = make_reporter(tmp_path)
    learn(plan_with(before), reporter)

    with pytest.raises(DataError, match="not those that the checkpoint was made with"):
        learn(plan_with(not before), reporter, resume_from=reporter.run.path / reporter.sealed[-1].path)


def test_a_loss_that_is_no_number_is_a_divergence(tmp_path: Path) -> None:
    panel = wave_panel(600)
    panel.streams["1h"][300:] = np.nan
    with pytest.raises(Diverged, match="training loss is nan"):
        learn(make_plan(panel=panel), make_reporter(tmp_path))


def test_weights_that_explode_are_a_divergence_and_no_checkpoint(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    with pytest.raises(Diverged):
        learn(make_plan(make_config(learning_rate=1.0, clip=0.0), machine=CPU, panel=_huge()), reporter)
    assert reporter.sealed == []


def _huge() -> object:
    panel = wave_panel(600)
    return replace(panel, path_target=panel.path_target * np.float32(1e30))


def test_progress_only_grows_and_tells_the_epoch(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    learn(make_plan(), reporter)

    names = {name for _, values in reporter.points for name in values}
    assert reporter.parts == sorted(reporter.parts)
    assert reporter.parts[-1] == 1.0
    assert (reporter.texts[0], reporter.texts[-1]) == ("epoch 1/3", "epoch 3/3")
    assert {"train/loss", "train/learning_rate", "val/loss", "val/da", "system/memory_mb"} <= names


def test_fewer_windows_an_epoch_are_other_ones_each_time(tmp_path: Path) -> None:
    learned = learn(make_plan(make_config(max_windows_per_epoch=100)), make_reporter(tmp_path))

    assert learned.steps == 3 * 2


def test_a_window_is_what_the_panel_says(tmp_path: Path) -> None:
    panel = wave_panel(600)
    rows = panel.windows["train"][[0, 5, 77]]
    batch = Windows(panel, torch.device("cpu")).gather(torch.from_numpy(rows))

    for timeframe, window in zip(panel.timeframes, batch.windows_bct, strict=True):
        for at, row in enumerate(rows):
            newest = panel.last_bar[timeframe][row]
            expected = panel.streams[timeframe][newest - 15 : newest + 1].T
            np.testing.assert_array_equal(window[at].numpy(), expected)
