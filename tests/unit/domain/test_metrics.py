"""Which numbers are better."""

from __future__ import annotations

import pytest

from headway.domain.metrics import better


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("val/loss", -1),
        ("max_drawdown_fraction", -1),
        ("test_rmse", -1),
        ("sharpe", 1),
        ("val_f1", 1),
        ("return_fraction", 1),
        ("rollout/reward_mean", 1),
        ("validation/growth", 1),
        ("buy_hold_sharpe", 0),
        ("trades", 0),
        ("train/policy_loss", 0),
    ],
)
def test_better_is_lower_or_higher_or_not_known(name: str, way: int) -> None:
    assert better(name) == way
