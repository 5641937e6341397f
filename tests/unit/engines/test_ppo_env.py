"""Environments and books: one rule, the same numbers whoever steps, and snapshots that survive a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env as check_gymnasium
from stable_baselines3.common.env_checker import check_env as check_sb3

from headway.domain.errors import CorruptRunFile, DataError
from headway.engines.ppo.accounts import Rules, drift, is_ruined, log_growth, traded_fraction
from headway.engines.ppo.checkpoints import fingerprint, read_snapshot, write_snapshot
from headway.engines.ppo.env import TradingVecEnv
from headway.engines.ppo.gym_env import TradingEnv
from headway.engines.ppo.hyperparameters import Hyperparameters
from headway.engines.ppo.market import join_markets
from headway.engines.ppo.plan import Plan, build_model
from headway.engines.ppo.play import choose_actions, hold, keep_books, pool_returns
from headway.engines.ppo.snapshots import Record, Snapshot, take_snapshot
from headway.wire.rundir import write_json
from tests.fakes.markets import mean_reverting_market, noise_market

RULES = Rules(fee_bps=30.0, slippage_bps=5.0)
SMALL = Hyperparameters(envs=8, rollout_bars=16, batch=64, epochs=1, episode_bars=32)


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value])


def make_plan(**changes: object) -> Plan:
    plan = Plan(
        train=noise_market(400, seed=1),
        validation=noise_market(100, seed=2),
        rules=RULES,
        seed=3,
        bars_per_year=8_766.0,
        steps=256,
        hyper=SMALL,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def make_snapshot(plan: Plan) -> Snapshot:
    torch.set_num_threads(1)
    model, env = build_model(plan)
    model.learn(SMALL.rollout_steps)
    return take_snapshot(model, env, record=Record(), elapsed_s=1.5)


def test_a_long_that_is_kept_trades_nothing_and_a_short_pays_to_stay() -> None:
    assert traded_fraction(one(1.0), one(1.0), one(0.1))[0] == 0.0
    assert drift(one(-1.0), one(0.1))[0] == pytest.approx(-1.1 / 0.9)
    assert traded_fraction(one(-1.0), one(-1.0), one(0.1))[0] == pytest.approx(1.1 / 0.9 - 1.0)


def test_growth_is_the_cost_of_the_trade_and_the_move_of_the_price() -> None:
    growth = log_growth(one(2.0), one(-1.0), one(-0.05), cost_fraction=0.0012)

    assert np.exp(growth[0]) == pytest.approx((1.0 - 0.0024) * 1.05)


def test_a_short_is_ruined_when_the_price_doubles_and_its_log_stays_finite() -> None:
    assert is_ruined(one(-1.0), one(1.0))[0]
    assert not is_ruined(one(1.0), one(-0.5))[0]
    assert np.isfinite(log_growth(one(1.0), one(-1.0), one(1.5), cost_fraction=0.001)[0])


def test_the_plain_environment_passes_both_checkers() -> None:
    env = TradingEnv(noise_market(200, seed=1), RULES, episode_bars=50)

    check_gymnasium(env, skip_render_check=True)
    check_sb3(env)


def test_both_environments_and_the_books_give_the_same_numbers() -> None:
    market = noise_market(300, seed=4)
    actions = np.random.default_rng(5).integers(0, 3, 299)
    plain = TradingEnv(market, RULES, episode_bars=10_000)
    many = TradingVecEnv(market, RULES, count=2, episode_bars=10_000)
    plain.reset(seed=1, options={"row": 0})
    many.reset()
    state = replace(many.capture(), row_e=np.zeros(2, np.int64), age_e=np.zeros(2, np.int64))
    many.restore(state)

    for row, action in enumerate(actions.tolist()):
        seen, reward, _, truncated, _ = plain.step(np.int64(action))
        both_seen, rewards, done, infos = many.step(np.array([action, action]))
        assert isinstance(both_seen, np.ndarray)
        assert rewards.tolist() == [reward, reward]
        assert done.tolist() == [truncated, truncated]
        last = infos[0]["terminal_observation"] if truncated else both_seen[0]
        np.testing.assert_array_equal(last, seen)
        assert truncated == (row == 298)
    (ledger,) = keep_books(market, RULES, np.append(actions, 0))

    assert many.growth_sum / 2 == pytest.approx(float(ledger.growth_r.sum()))


def test_a_decision_earns_from_the_next_bar_and_not_from_its_own() -> None:
    market = noise_market(50, seed=1)
    jump = np.zeros(50)
    jump[20] = 0.5
    market = replace(market, returns_r=jump)
    free = Rules(fee_bps=0.0, slippage_bps=0.0)
    on_time, late = np.full(50, free.flat), np.full(50, free.flat)
    on_time[19], late[20] = 2, 2

    assert keep_books(market, free, on_time)[0].equity_r[-1] == pytest.approx(1.5)
    assert keep_books(market, free, late)[0].equity_r[-1] == 1.0


def test_an_episode_that_is_cut_says_so_and_a_ruined_one_does_not() -> None:
    market = noise_market(100, seed=1)
    doubled = replace(market, returns_r=np.append(0.0, np.full(99, 1.5)))
    cut = TradingVecEnv(market, RULES, count=1, episode_bars=3)
    ruined = TradingVecEnv(doubled, RULES, count=1, episode_bars=3)
    cut.reset()
    ruined.reset()

    infos = [cut.step(np.array([1]))[3][0] for _ in range(3)]
    (ruin,) = ruined.step(np.array([0]))[3]

    assert [info.get("TimeLimit.truncated") for info in infos] == [None, None, True]
    assert ruin["TimeLimit.truncated"] is False


def test_no_step_crosses_from_one_symbol_into_the_next() -> None:
    market = join_markets([noise_market(40, seed=1), noise_market(40, seed=2)])
    env = TradingVecEnv(market, RULES, count=64, episode_bars=1_000)
    env.reset()
    before = env.capture().row_e
    for _ in range(200):
        _, _, done, _ = env.step(np.full(64, 2))
        after = env.capture().row_e
        assert ((after == before + 1) | done).all()
        assert (before[~done] // 40 == after[~done] // 40).all()
        before = after


def test_a_restored_environment_goes_on_with_the_same_numbers() -> None:
    market = noise_market(200, seed=1)
    env = TradingVecEnv(market, RULES, count=16, episode_bars=20, seed=9)
    env.reset()
    env.step(np.ones(16, np.int64))
    state = env.capture()
    first = [env.step(np.full(16, step % 3))[1] for step in range(60)]
    other = TradingVecEnv(market, RULES, count=16, episode_bars=20, seed=1)
    other.reset()
    other.restore(state)
    second = [other.step(np.full(16, step % 3))[1] for step in range(60)]

    np.testing.assert_array_equal(first, second)


def test_the_table_of_choices_is_what_step_by_step_asking_gives() -> None:
    plan = make_plan(train=mean_reverting_market(300, seed=1))
    model, _ = build_model(plan)
    market = plan.train
    held, asked = 0.0, []
    for row in range(len(market)):
        seen = np.append(market.features_rc[row], np.float32(held)).astype(np.float32)
        action = int(model.policy.predict(seen, deterministic=True)[0])
        held = plan.rules.positions[action]
        asked.append(action)

    assert choose_actions(model.policy, market, plan.rules).tolist() == asked


def test_buy_and_hold_trades_once_and_earns_the_price() -> None:
    market = noise_market(100, seed=1)
    (ledger,) = hold(market, RULES)

    assert np.flatnonzero(ledger.traded_r).tolist() == [0]
    assert ledger.equity_r[-1] == pytest.approx(
        (1.0 - RULES.cost_fraction) * float(np.prod(1.0 + market.returns_r[1:]))
    )


def test_the_pool_is_the_mean_of_equities_that_start_equal() -> None:
    market = join_markets(
        [replace(noise_market(60, seed=1), symbols=("A",)), replace(noise_market(60, seed=2), symbols=("B",))]
    )
    books = hold(market, RULES)
    _, returns = pool_returns(books)

    assert np.prod(1.0 + returns) == pytest.approx(float(np.mean([b.equity_r[-1] for b in books])))


def test_a_snapshot_comes_back_from_its_file_bit_by_bit(tmp_path: Path) -> None:
    plan = make_plan()
    snapshot = make_snapshot(plan)
    write_snapshot(tmp_path, snapshot, plan_sha256=fingerprint(plan))
    again = read_snapshot(tmp_path, plan_sha256=fingerprint(plan))

    assert (again.step, again.updates, again.elapsed_s) == (snapshot.step, snapshot.updates, 1.5)
    assert all(torch.equal(again.weights[name], tensor) for name, tensor in snapshot.weights.items())
    assert torch.equal(again.generators.torch, snapshot.generators.torch)
    assert again.generators.python == snapshot.generators.python
    np.testing.assert_array_equal(again.observations, snapshot.observations)
    np.testing.assert_array_equal(again.env.row_e, snapshot.env.row_e)
    assert again.env.generator == snapshot.env.generator


def test_a_checkpoint_of_other_data_or_settings_is_refused(tmp_path: Path) -> None:
    plan = make_plan()
    write_snapshot(tmp_path, make_snapshot(plan), plan_sha256=fingerprint(plan))

    assert fingerprint(make_plan(steps=9_999, duration_s=5.0)) == fingerprint(plan)
    for other in (make_plan(seed=4), make_plan(train=noise_market(400, seed=8)), make_plan(rules=Rules())):
        with pytest.raises(DataError, match="not those that the checkpoint was made with"):
            read_snapshot(tmp_path, plan_sha256=fingerprint(other))


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "state.json", {"format": 99})
    with pytest.raises(CorruptRunFile, match="format 99"):
        read_snapshot(tmp_path, plan_sha256="")
