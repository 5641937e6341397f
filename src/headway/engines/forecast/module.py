"""The network as a LightningModule: one step of training, its optimizer, its clipping."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from headway.engines.forecast.losses import measure, weights_of
from headway.engines.forecast.network import Network
from headway.engines.forecast.plan import Plan
from headway.engines.forecast.windows import Windows


class ForecastModule(LightningModule):
    """A batch is the rows of the panel whose windows it learns from."""

    def __init__(self, plan: Plan, network: Network, windows: Windows, optimizer: Optimizer) -> None:
        super().__init__()
        self.network = network
        self._optimizer = optimizer
        self.plan = plan
        self._windows = windows
        self._weights = weights_of(plan.config.loss, plan.machine.torch_device)

    def training_step(self, rows_b: Tensor) -> Tensor:
        batch = self._windows.gather(rows_b)
        outputs = self.network(batch.windows_bct)
        return measure(outputs, batch.targets, self.plan.config.loss).total(self._weights)

    def configure_optimizers(self) -> Optimizer:
        return self._optimizer

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Done here: Lightning refuses to clip for a fused optimizer in half precision, though bf16 scales nothing."""
        clip = self.plan.config.training.clip
        if clip > 0.0:
            nn.utils.clip_grad_norm_(self.network.parameters(), clip)


def make_optimizer(network: Network, plan: Plan) -> AdamW:
    """AdamW; biases, norms and the embedding of timeframes do not decay (Loshchilov and Hutter, 2019)."""
    training = plan.config.training
    decaying: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_weight = parameter.ndim > 1 and not name.endswith("timeframes")
        (decaying if is_weight else free).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": training.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=training.learning_rate, fused=True)


def put_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """A deep copy, on the CPU: a state dict alone is a view of weights that go on changing."""
    return {
        name: tensor.detach().to("cpu", copy=True, non_blocking=False)
        for name, tensor in network.state_dict().items()
    }


def is_finite(network: nn.Module) -> bool:
    """Whether every weight is a number."""
    with torch.no_grad():
        sums = torch.stack([parameter.sum() for parameter in network.parameters()])
    return bool(torch.isfinite(sums).all())
