"""What makes a training worth something: it learns, it repeats, it goes on, and it says when it broke."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from headway.domain.errors import InvalidInput
from headway.domain.limits import Limits
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.domain.trading import FEATURE_GROUPS, TradingConfig
from headway.engines.base import Assignment, Diverged, Stopped
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.engine import train
from headway.engines.ppo.hyperparameters import Hyperparameters
from headway.engines.ppo.learn import Learned, learn
from headway.engines.ppo.market import Market
from headway.engines.ppo.plan import Plan
from headway.engines.ppo.play import keep_books, play
from headway.wire.rundir import RunDir, get_json
from tests.fakes.candles import write_candles
from tests.fakes.markets import (
    MeanReversion,
    mean_reverting_market,
    noise_market,
    optimal_actions,
    sign_actions,
)
from tests.fakes.reporter import RecordingReporter

pytestmark = pytest.mark.slow

COSTLY = Rules(fee_bps=50.0, slippage_bps=0.0)
SMALL = Hyperparameters(envs=32, rollout_bars=32, batch=256, epochs=2, episode_bars=64)
METRICS = {
    "sharpe",
    "return_fraction",
    "max_drawdown_fraction",
    "win_rate_fraction",
    "trades",
    "turnover",
    "sharpe_low",
    "sharpe_high",
    "generation",
    "improvement_percent",
    "buy_hold_sharpe",
    "buy_hold_return_fraction",
    "buy_hold_max_drawdown_fraction",
    "steps",
    "steps_per_s",
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_plan(**changes: object) -> Plan:
    plan = Plan(
        train=noise_market(2_000, seed=1),
        validation=noise_market(500, seed=2),
        rules=Rules(),
        seed=3,
        bars_per_year=8_766.0,
        steps=8_192,
        hyper=SMALL,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def make_reporter(path: Path) -> RecordingReporter:
    path.mkdir(parents=True, exist_ok=True)
    return RecordingReporter(RunDir(path))


def assert_same(first: Learned, second: Learned) -> None:
    assert first.validations == second.validations
    assert first.best.step == second.best.step
    for name, tensor in first.model.policy.state_dict().items():
        assert torch.equal(tensor, second.model.policy.state_dict()[name]), name


def growth_of(market: Market, actions: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    return float(keep_books(market, COSTLY, actions)[0].growth_r.sum())


@pytest.mark.parametrize("seed", [1, 2])
def test_nine_tenths_of_the_optimum_are_learnt_where_simple_rules_lose(tmp_path: Path, seed: int) -> None:
    law = MeanReversion()
    test = mean_reverting_market(50_000, 3, law)
    plan = make_plan(
        train=mean_reverting_market(30_000, 1, law),
        validation=mean_reverting_market(20_000, 2, law),
        rules=COSTLY,
        seed=seed,
        steps=600_000,
        hyper=Hyperparameters(),
    )
    learned = learn(plan, make_reporter(tmp_path))

    optimum = growth_of(test, optimal_actions(test, law, COSTLY))
    agent = float(play(learned.model.policy, test, COSTLY)[0].growth_r.sum())
    assert growth_of(test, sign_actions(test, COSTLY)) < 0.5 * optimum
    assert agent >= 0.9 * optimum


def test_on_noise_nothing_but_standing_still_is_worth_its_costs(tmp_path: Path) -> None:
    plan = make_plan(
        train=noise_market(20_000, seed=1),
        validation=noise_market(5_000, seed=2),
        rules=COSTLY,
        steps=400_000,
        hyper=Hyperparameters(),
    )
    learned = learn(plan, make_reporter(tmp_path))
    (ledger,) = play(learned.model.policy, noise_market(10_000, seed=7), COSTLY)

    assert float(ledger.traded_r.mean()) < 0.01


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(tmp_path: Path) -> None:
    first = learn(make_plan(), make_reporter(tmp_path / "first"))
    second = learn(make_plan(), make_reporter(tmp_path / "second"))
    other = learn(make_plan(seed=4), make_reporter(tmp_path / "other"))

    assert_same(first, second)
    assert other.validations != first.validations


@pytest.mark.parametrize("checks", [20, 75, 130])
def test_a_stopped_training_that_goes_on_ends_like_one_left_alone(tmp_path: Path, checks: int) -> None:
    """In the first rollout, while collecting and while learning: nothing of a half rollout is kept."""
    straight = learn(make_plan(), make_reporter(tmp_path / "straight"))
    reporter = make_reporter(tmp_path / "stopped")
    reporter.stop_when = lambda count: count == checks
    with pytest.raises(Stopped):
        learn(make_plan(), reporter)
    (checkpoint,) = reporter.sealed

    again = make_reporter(tmp_path / "stopped")
    resumed = learn(make_plan(), again, resume_from=reporter.run.path / checkpoint.path)

    assert_same(straight, resumed)
    assert resumed.steps == straight.steps == 8_192


def test_a_training_resumed_at_its_end_has_nothing_left_to_do(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    straight = learn(make_plan(), reporter)
    resumed = learn(make_plan(), reporter, resume_from=reporter.run.path / reporter.sealed[-1].path)

    assert_same(straight, resumed)
    assert resumed.steps_per_s is None


def test_progress_only_grows_and_tells_the_epoch(tmp_path: Path) -> None:
    reporter = make_reporter(tmp_path)
    learn(make_plan(), reporter)

    assert reporter.parts == sorted(reporter.parts)
    assert reporter.texts[0] == "PPO epoch 1/8"
    assert reporter.texts[-1] == "PPO epoch 8/8"
    assert {"train/loss", "train/entropy", "rollout/reward_mean", "time/steps_per_s"} <= set(
        reporter.points[-1][1]
    )


def test_the_duration_ends_a_training_that_has_steps_left(tmp_path: Path) -> None:
    ticks = iter(range(1_000_000))
    learned = learn(
        make_plan(steps=None, duration_s=500.0), make_reporter(tmp_path), clock=lambda: float(next(ticks))
    )

    assert 0 < learned.steps < 100_000
    assert learned.elapsed_s >= 500.0
    assert learned.steps % SMALL.rollout_steps == 0


def test_a_loss_that_is_no_number_is_a_divergence(tmp_path: Path) -> None:
    market = noise_market(2_000, seed=1)
    market.returns_r[700:] = np.nan
    with pytest.raises(Diverged, match="a weight of the policy is NaN"):
        learn(make_plan(train=market), make_reporter(tmp_path))


def test_weights_that_explode_are_a_divergence_before_they_are_infinite(tmp_path: Path) -> None:
    hyper = replace(SMALL, learning_rate=1e30)
    with pytest.raises(Diverged, match="NaN or infinit"):
        learn(make_plan(hyper=hyper), make_reporter(tmp_path))


def make_assignment(tmp_path: Path, name: str, **changes: object) -> Assignment:
    config = TradingConfig(features=FEATURE_GROUPS, steps=50_000)
    run = RunDir(tmp_path / name)
    run.path.mkdir()
    assignment = Assignment(
        run_id=f"tr_{name}",
        attempt=1,
        spec=Spec("ppo", config.to_json(), seed=5),
        run=run,
        candles_dir=tmp_path / "candles",
        seed=5,
        context={"generation": 1},
    )
    return replace(assignment, **changes)  # type: ignore[arg-type]


def run_engine(assignment: Assignment) -> tuple[Result, RecordingReporter]:
    reporter = RecordingReporter(assignment.run)
    return train(assignment, reporter), reporter


def require_tables_agree(run: RunDir, result: Result) -> None:
    """The tables for charts tell what the headline numbers tell."""
    equity, trades = pl.read_parquet(run.equity), pl.read_parquet(run.trades)
    ends = equity.filter(pl.col("symbol").is_null()).tail(1)
    assert ends["equity"].item() - 1 == pytest.approx(result.metrics["return_fraction"])
    assert ends["hold_equity"].item() - 1 == pytest.approx(result.metrics["buy_hold_return_fraction"])
    closed = trades.filter(pl.col("exited_at").is_not_null())
    assert len(closed) == result.metrics["trades"]
    wins = (closed["pnl_fraction"] > 0).mean()
    assert wins == (None if not len(closed) else pytest.approx(result.metrics["win_rate_fraction"]))


def test_a_file_of_candles_becomes_metrics_a_model_a_report_and_a_manifest(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=3_000, seed=1)
    assignment = make_assignment(tmp_path, "first")
    result, reporter = run_engine(assignment)

    assert result.reason is Reason.COMPLETED
    assert set(result.metrics) == METRICS
    assert [state for state, _ in reporter.phases] == [State.PREFLIGHT, State.TRAINING, State.EVALUATING]
    assert result.metrics["steps"] == 57_344
    assert result.metrics["generation"] == 1
    assert {name for name, value in result.metrics.items() if value is None} <= set(result.details["missing"])  # type: ignore[arg-type]
    assert result.details["missing"]["improvement_percent"] == "there is no generation before this one"  # type: ignore[index, call-overload]
    json.dumps(result.to_json(), allow_nan=False)
    kinds = {artifact.path: artifact.kind for artifact in result.artifacts}
    assert kinds == {
        "artifacts/model/model.zip": "model",
        "artifacts/model/scaler.json": "model",
        "artifacts/model/features.json": "model",
        "artifacts/equity.parquet": "data",
        "artifacts/trades.parquet": "data",
        "report.html": "report",
    }
    require_tables_agree(assignment.run, result)
    manifest = get_json(assignment.run.manifest)
    assert manifest["seed"] == 5
    assert manifest["features"]["depth"]["estimated"] is True
    assert manifest["features"]["price"]["estimated"] is False
    assert manifest["data"][0]["name"] == "BTCUSDT_1h.csv"
    assert len(manifest["data"][0]["sha256"]) == 64
    assert "tr_first" in assignment.run.report.read_text()


def test_two_runs_of_one_seed_give_one_result_and_the_next_generation_is_compared(tmp_path: Path) -> None:
    for symbol, seed in (("BTC", 1), ("ETH", 2)):
        write_candles(tmp_path / "candles" / f"{symbol}USDT_1h.csv", bars=2_000, seed=seed)
    config = TradingConfig(symbols=("BTC", "ETH"), features=("price", "volume"), steps=20_000)
    spec = Spec("ppo", config.to_json(), seed=5)
    first = make_assignment(tmp_path, "first", spec=spec)
    before, _ = run_engine(first)
    folder = str(first.run.artifacts / "model")
    predecessor = {"generation": 2, "predecessor": {"run_id": "tr_first", "model_dir": folder}}

    same, _ = run_engine(make_assignment(tmp_path, "same", spec=spec, context=predecessor))
    other_features = Spec("ppo", replace(config, features=("price",)).to_json(), seed=5)
    unlike, _ = run_engine(make_assignment(tmp_path, "unlike", spec=other_features, context=predecessor))

    noted = {"generation", "improvement_percent", "steps_per_s"}
    assert {k: v for k, v in same.metrics.items() if k not in noted} == {
        k: v for k, v in before.metrics.items() if k not in noted
    }
    assert same.metrics["generation"] == 2
    assert same.metrics["improvement_percent"] == pytest.approx(0.0)
    assert set(same.details["symbols"]) == {"BTC", "ETH"}  # type: ignore[arg-type]
    assert unlike.metrics["improvement_percent"] is None
    assert "other features" in str(unlike.details["missing"])


def test_a_cancelled_run_resumed_by_the_engine_ends_like_one_left_alone(tmp_path: Path) -> None:
    write_candles(tmp_path / "candles" / "BTCUSDT_1h.csv", bars=2_000, seed=1)
    straight, _ = run_engine(make_assignment(tmp_path, "straight"))
    stopped = make_assignment(tmp_path, "stopped")
    reporter = RecordingReporter(stopped.run, stop_when=lambda count: count == 120)
    with pytest.raises(Stopped):
        train(stopped, reporter)

    resume = stopped.run.path / reporter.sealed[-1].path
    resumed, _ = run_engine(replace(stopped, attempt=2, resume=resume))

    assert get_json(stopped.run.manifest)["resumed_from"] == reporter.sealed[-1].path
    ignored = {"steps_per_s"}
    assert {k: v for k, v in resumed.metrics.items() if k not in ignored} == {
        k: v for k, v in straight.metrics.items() if k not in ignored
    }


def test_a_training_without_an_end_is_refused(tmp_path: Path) -> None:
    spec = Spec("ppo", TradingConfig().to_json(), Limits(duration_s=None))
    with pytest.raises(InvalidInput, match="needs an end"):
        run_engine(make_assignment(tmp_path, "endless", spec=spec))
