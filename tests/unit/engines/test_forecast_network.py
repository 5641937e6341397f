"""The network is what its shape says, sees only its windows, and its heads say what they mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from headway.domain.forecast_size import NetworkShape, count_parameters
from headway.engines.forecast.foresee import read_forecast
from headway.engines.forecast.heads import (
    explain_no_interval,
    read_path,
    read_quantiles,
    read_student_t,
    student_t_high,
)
from headway.engines.forecast.network import Network, Outputs, sinusoids
from headway.wire.forecast import MODELS, DataConfig, ForecastConfig, HorizonConfig, LossConfig, Variant
from headway.wire.forecast_shape import shape_of

SMALL = NetworkShape((3, 2), 8, 2, 1, 1, 2, patch_len=4, stride=2, context_patches=5, next_bars=3)
LOSSES = ("gaussian_nll", "student_t", "quantile", "deterministic")
QUANTILES = (0.1, 0.5, 0.9)


def windows_of(shape: NetworkShape, batch: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(batch, columns, shape.context_bars, generator=generator) for columns in shape.features
    ]


@pytest.mark.parametrize("variant", list(MODELS))
@pytest.mark.parametrize("regression", LOSSES)
@pytest.mark.parametrize("columns", [(11,), (11, 7, 5)])
def test_the_formula_counts_what_torch_counts(
    variant: Variant, regression: str, columns: tuple[int, ...]
) -> None:
    data = DataConfig(source="BTC", base_timeframe="1h", timeframes=("1h", "4h", "1d")[: len(columns)])
    config = ForecastConfig(
        data=data,
        model=MODELS[variant],
        horizons=HorizonConfig(next_bars=5),
        loss=LossConfig.model_validate({"regression": regression}),
    )
    shape = shape_of(config, columns)
    with torch.device("meta"):
        network = Network(shape)

    assert count_parameters(shape) == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {"n_layers_fusion": 0},
        {"features": (3,), "keeps_patches": True, "trends": 0},
        {"features": (1,), "instance_norm": True, "has_skip": True, "keeps_patches": True},
        {"instance_norm": True, "has_skip": True},
    ],
)
def test_every_form_gives_what_it_should_and_is_counted(changes: dict[str, object]) -> None:
    shape = replace(SMALL, **changes)  # type: ignore[arg-type]
    network = Network(shape)
    outputs = network(windows_of(shape))

    assert outputs.path_bhk.shape == (2, 3, 2)
    assert [tuple(trend.shape) for trend in outputs.trends_b3] == [(2, 3)] * shape.trends
    assert count_parameters(shape) == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("layers", [0, 1])
@pytest.mark.parametrize("timeframe", [0, 1])
def test_every_timeframe_and_every_bar_of_it_matters(timeframe: int, layers: int) -> None:
    network = Network(replace(SMALL, n_layers_fusion=layers))
    windows = windows_of(SMALL, batch=1)
    windows[timeframe].requires_grad_()
    torch.autograd.backward(network(windows).path_bhk.sum())

    gradient = windows[timeframe].grad
    assert gradient is not None
    assert bool((gradient.abs().sum(dim=1) > 0).all())


def test_a_window_moved_and_stretched_is_foreseen_moved_and_stretched() -> None:
    shape = NetworkShape(
        (1,), 8, 2, 1, 0, 2, 4, 4, 4, 3, "deterministic",
        trends=0, keeps_patches=True, instance_norm=True, restores_level=True,
    )  # fmt: skip
    network = Network(shape).eval()
    (window,) = windows_of(shape)

    usual = network([window]).path_bhk
    moved = network([window * 3.0 + 100.0]).path_bhk
    torch.testing.assert_close(moved, usual * 3.0 + 100.0, rtol=1e-4, atol=1e-3)


def test_the_order_of_patches_matters() -> None:
    shape = replace(SMALL, features=(3,), stride=4)
    network = Network(shape).eval()
    (window,) = windows_of(shape)
    first, second, others = window[..., :4], window[..., 4:8], window[..., 8:]

    swapped = torch.cat((second, first, others), dim=-1)
    assert not torch.allclose(network([window]).path_bhk, network([swapped]).path_bhk, atol=1e-6)


def test_positions_are_sines_and_cosines() -> None:
    positions = sinusoids(3, 4)

    torch.testing.assert_close(positions[0], torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert positions[2, 0] == pytest.approx(torch.tensor(2.0).sin().item())


def test_quantiles_never_cross() -> None:
    levels = read_quantiles(torch.randn(100, 4, 3) * 20.0)

    assert bool((levels.diff(dim=-1) >= 0).all())


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(2.5, 1.73025), (3.0, 1.63774), (5.0, 1.47588), (10.0, 1.37218), (30.0, 1.31042), (1e6, 1.28155)],
)
def test_the_interval_of_student_t_is_that_of_the_tables(freedom: float, expected: float) -> None:
    assert float(student_t_high(torch.tensor(freedom))) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("regression", ["gaussian_nll", "student_t"])
def test_the_interval_holds_four_fifths_of_what_is_drawn(regression: str) -> None:
    torch.manual_seed(2)
    raw = torch.tensor([0.3, 0.2, 0.7])[: 2 if regression == "gaussian_nll" else 3].expand(1, 1, -1)
    _, lower, upper = read_path(regression, raw, QUANTILES)
    if regression == "gaussian_nll":
        drawn = 0.3 + torch.randn(100_000) * torch.tensor(0.1).exp()
    else:
        drawn = read_student_t(raw).sample((100_000,)).flatten()

    inside = ((drawn >= lower.item()) & (drawn <= upper.item())).float().mean()
    assert float(inside) == pytest.approx(0.8, abs=0.01)


def test_a_head_of_quantiles_gives_each_level_that_was_asked_for() -> None:
    loss = LossConfig(regression="quantile", quantiles=(0.05, 0.5, 0.95))
    found = read_forecast(Outputs(torch.randn(4, 2, 3), (torch.zeros(4, 3),) * 2), loss)

    assert found.lower is None
    assert list(found.quantiles) == [0.05, 0.5, 0.95]
    assert (found.quantiles[0.5] == found.mean).all()
    assert (found.quantiles[0.05] < found.mean).all()
    assert (found.quantiles[0.95] > found.mean).all()


def test_heads_without_an_interval_say_why() -> None:
    assert len(read_path("deterministic", torch.zeros(1, 1, 1), QUANTILES)) == 1
    assert len(read_path("quantile", torch.zeros(1, 1, 3), (0.2, 0.5, 0.8))) == 1
    assert "deterministic" in str(explain_no_interval("deterministic", QUANTILES))
    assert "0.2 and 0.8" in str(explain_no_interval("quantile", (0.2, 0.5, 0.8)))
    assert all(explain_no_interval(name, QUANTILES) is None for name in LOSSES[:3])


@pytest.mark.parametrize("regression", LOSSES)
def test_windows_of_returns_that_are_stretched_are_foreseen_stretched(regression: str) -> None:
    """Of every head: mean and bounds; what is added to a window changes nothing, for returns have no level."""
    shape = NetworkShape(
        (5, 3), 8, 2, 1, 1, 2, 4, 4, 4, 3, regression, instance_norm=True, has_skip=True
    )  # fmt: skip
    network = Network(shape).eval()
    windows = windows_of(shape)

    usual = read_path(regression, network(windows).path_bhk, (0.1, 0.5, 0.9))
    moved = read_path(
        regression, network([window * 3.0 + 7.0 for window in windows]).path_bhk, (0.1, 0.5, 0.9)
    )

    for one, other in zip(usual, moved, strict=True):
        torch.testing.assert_close(other, one * 3.0, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("regression", LOSSES)
def test_a_window_in_which_nothing_moves_is_foreseen_in_numbers(regression: str) -> None:
    shape = NetworkShape((4,), 8, 2, 1, 0, 2, 4, 4, 4, 3, regression, instance_norm=True)

    raw = Network(shape).eval()([torch.full((2, 4, shape.context_bars), 0.3)]).path_bhk

    assert all(torch.isfinite(part).all() for part in read_path(regression, raw, (0.1, 0.5, 0.9)))
