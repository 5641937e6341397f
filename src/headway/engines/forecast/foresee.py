"""What a network says of rows of a panel: forecasts, and the losses they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from headway.engines.forecast.devices import Machine
from headway.engines.forecast.heads import read_path, read_quantiles
from headway.engines.forecast.losses import Terms, measure
from headway.engines.forecast.network import Network, Outputs
from headway.engines.forecast.panel import Floats32, Forecast, Rows, join_forecasts
from headway.engines.forecast.windows import Windows
from headway.wire.forecast import LossConfig

Pulse = Callable[[], None]

_BATCH = 256  # part of the numbers: another size may round otherwise in the last bit


@dataclass(frozen=True)
class Forecaster:
    """A network beside the windows that it looks at."""

    network: Network
    windows: Windows
    loss: LossConfig
    machine: Machine

    def foresee(self, rows_n: Rows, *, pulse: Pulse | None = None) -> tuple[Forecast, Terms]:
        """The forecast of rows in their order, and their losses. `pulse` is called at every batch and may raise.

        ValueError for no rows at all.
        """
        was_training = self.network.training
        self.network.eval()
        try:
            parts, terms = [], []
            for rows_b in torch.split(torch.from_numpy(rows_n).to(self.machine.device), _BATCH):
                if pulse is not None:
                    pulse()
                forecast, term = self._foresee_batch(rows_b)
                parts.append(forecast)
                terms.append(term)
        finally:
            self.network.train(was_training)
        return join_forecasts(parts), _sum(terms)

    @torch.inference_mode()
    def _foresee_batch(self, rows_b: Tensor) -> tuple[Forecast, Terms]:
        batch = self.windows.gather(rows_b)
        with self.machine.autocast():
            outputs = self.network(batch.windows_bct)
        return read_forecast(outputs, self.loss), measure(outputs, batch.targets, self.loss)


def read_forecast(outputs: Outputs, loss: LossConfig) -> Forecast:
    """Outputs as numbers, in units of the panel's `target_scale`."""
    raw_bhk = outputs.path_bhk.float()
    mean, *bounds = read_path(loss.regression, raw_bhk, loss.quantiles)
    lower, upper = bounds or (None, None)
    short, long = (logits.float().softmax(-1) for logits in outputs.trends_b3)
    return Forecast(
        mean=_numpy(mean),
        lower=None if lower is None else _numpy(lower),
        upper=None if upper is None else _numpy(upper),
        short_probabilities=_numpy(short),
        long_probabilities=_numpy(long),
        quantiles=_read_levels(raw_bhk, loss),
    )


def _read_levels(raw_bhk: Tensor, loss: LossConfig) -> dict[float, Floats32]:
    if loss.regression != "quantile":
        return {}
    levels = read_quantiles(raw_bhk).unbind(-1)
    return {level: _numpy(values) for level, values in zip(loss.quantiles, levels, strict=True)}


def _numpy(tensor: Tensor) -> Floats32:
    return tensor.cpu().numpy()


def _sum(terms: list[Terms]) -> Terms:
    total, *others = terms
    for other in others:
        total = total + other
    return total
