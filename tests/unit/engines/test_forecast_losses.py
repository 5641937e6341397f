"""Losses against their formulas, and what is masked counts in none of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from headway.engines.forecast.losses import Targets, measure, path_loss, pinball, trend_loss, weights_of
from headway.engines.forecast.network import Outputs
from headway.wire.forecast import LossConfig

CPU = torch.device("cpu")
NAN = float("nan")


def config(**changes: object) -> LossConfig:
    return LossConfig.model_validate(changes)


def test_the_gaussian_loss_is_the_negative_log_density() -> None:
    raw = torch.tensor([[[0.5, math.log(4.0 - 1e-6)]]])
    loss = path_loss(raw, torch.tensor([[1.5]]), config())

    assert loss.item() == pytest.approx(0.5 * math.log(2 * math.pi * 4.0) + 0.5 * 1.0 / 4.0, abs=1e-5)


def test_the_student_loss_is_near_the_gaussian_one_for_many_degrees_of_freedom() -> None:
    scale = math.log(math.expm1(2.0))
    student = path_loss(
        torch.tensor([[[0.5, scale, 1e6]]]), torch.tensor([[1.5]]), config(regression="student_t")
    )

    assert student.item() == pytest.approx(0.5 * math.log(2 * math.pi * 4.0) + 0.125, abs=1e-3)


def test_the_pinball_loss_weighs_what_is_above_and_below() -> None:
    levels = torch.tensor([[[0.0, 0.0, 0.0]]])

    above = pinball(levels, torch.tensor([[1.0]]), (0.1, 0.5, 0.9))
    below = pinball(levels, torch.tensor([[-1.0]]), (0.1, 0.5, 0.9))
    assert above.item() == pytest.approx((0.1 + 0.5 + 0.9) / 3)
    assert below.item() == pytest.approx((0.9 + 0.5 + 0.1) / 3)
    assert pinball(levels, torch.tensor([[1.0]]), (0.9, 0.9, 0.9)).item() == pytest.approx(0.9)


def test_the_deterministic_loss_is_the_squared_error() -> None:
    loss = path_loss(torch.tensor([[[2.0]]]), torch.tensor([[5.0]]), config(regression="deterministic"))

    assert loss.item() == 9.0


def test_the_focal_loss_cares_less_for_what_is_known() -> None:
    logits, classes = torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([2])
    plain = trend_loss(logits, classes, config())
    focal = trend_loss(logits, classes, config(trend="focal", focal_gamma=2.0))

    share = math.exp(2.0) / (math.exp(2.0) + 2.0)
    assert plain.item() == pytest.approx(-math.log(share), abs=1e-6)
    assert focal.item() == pytest.approx(-math.log(share) * (1 - share) ** 2, abs=1e-6)


def test_smoothed_labels_cost_a_sure_answer_something() -> None:
    logits, classes = torch.tensor([[0.0, 0.0, 50.0]]), torch.tensor([2])

    assert trend_loss(logits, classes, config()).item() == pytest.approx(0.0)
    assert trend_loss(logits, classes, config(label_smoothing=0.1)).item() > 1.0


def outputs_of(rows: int) -> Outputs:
    generator = torch.Generator().manual_seed(rows)
    path = torch.randn(rows, 2, 2, generator=generator, requires_grad=True)
    trends = tuple(torch.randn(rows, 3, generator=generator, requires_grad=True) for _ in range(2))
    return Outputs(path, trends)


@pytest.mark.parametrize("trend", ["cross_entropy", "focal"])
@pytest.mark.parametrize("regression", ["gaussian_nll", "student_t", "quantile", "deterministic"])
def test_masked_rows_change_nothing(trend: str, regression: str) -> None:
    chosen = config(trend=trend, regression=regression, label_smoothing=0.1)
    values = {"gaussian_nll": 2, "student_t": 3, "quantile": 3, "deterministic": 1}[regression]
    outputs = replace(outputs_of(3), path_bhk=torch.randn(3, 2, values))
    path = torch.tensor([[0.1, NAN], [0.2, -0.3], [NAN, NAN]])
    classes = (torch.tensor([0, -1, -1]), torch.tensor([-1, 2, -1]))
    found = measure(outputs, Targets(path, classes), chosen)

    first = Outputs(outputs.path_bhk[:2], tuple(trend[:2] for trend in outputs.trends_b3))
    alone = measure(first, Targets(path[:2], tuple(part[:2] for part in classes)), chosen)
    assert found.counts.tolist() == [3, 1, 1]
    torch.testing.assert_close(found.sums, alone.sums)
    assert bool(torch.isfinite(found.total(weights_of(chosen, CPU))))


def test_a_batch_without_any_future_costs_nothing_and_moves_nothing() -> None:
    outputs = outputs_of(2)
    masked = torch.tensor([-1, -1])
    loss = measure(outputs, Targets(torch.full((2, 2), NAN), (masked, masked)), config()).total(
        weights_of(config(), CPU)
    )
    torch.autograd.backward(loss)

    assert loss.item() == 0.0
    for tensor in (outputs.path_bhk, *outputs.trends_b3):
        assert tensor.grad is not None
        assert bool((tensor.grad == 0.0).all())


def test_batches_add_up_to_the_loss_of_all_rows() -> None:
    outputs = outputs_of(4)
    path = torch.tensor([[0.1, NAN], [0.2, -0.3], [0.5, 0.1], [1.0, 2.0]])
    classes = torch.tensor([0, -1, 2, 1])
    weights = weights_of(config(), CPU)
    whole = measure(outputs, Targets(path, (classes, classes)), config())

    parts = [
        measure(
            Outputs(outputs.path_bhk[rows], tuple(trend[rows] for trend in outputs.trends_b3)),
            Targets(path[rows], (classes[rows], classes[rows])),
            config(),
        )
        for rows in (slice(0, 1), slice(1, 4))
    ]
    torch.testing.assert_close((parts[0] + parts[1]).total(weights), whole.total(weights))


def test_the_weights_are_those_of_the_configuration() -> None:
    chosen = config(weights={"regression": 1.0, "short": 0.0, "long": 3.0})

    assert weights_of(chosen, CPU).tolist() == [1.0, 0.0, 3.0]
