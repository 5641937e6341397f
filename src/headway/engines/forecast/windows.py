"""Windows of a panel as views of tensors that stay on the training device: a batch is one gather a timeframe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from headway.engines.forecast.losses import Targets
from headway.engines.forecast.panel import Panel


@dataclass(frozen=True)
class Batch:
    """Windows of each timeframe, base first, [b, columns, bars], and what came true."""

    windows_bct: tuple[Tensor, ...]
    targets: Targets


class Windows:
    """A panel on a device. No window is stored: overlapping views of the streams stand for all of them."""

    def __init__(self, panel: Panel, device: torch.device) -> None:
        self._views: list[Tensor] = []
        self._first: list[Tensor] = []
        for timeframe in panel.timeframes:
            bars = panel.context_bars[timeframe]
            stream = torch.from_numpy(panel.streams[timeframe]).to(device)
            first = torch.from_numpy(panel.last_bar[timeframe]).to(device) - (bars - 1)
            self._views.append(stream.unfold(0, bars, 1))  # [bars - context + 1, columns, context]
            self._first.append(first)
        self._path = torch.from_numpy(panel.path_target).to(device)
        self._trends = tuple(
            torch.from_numpy(target).to(device, torch.int64)
            for target in (panel.short_target, panel.long_target)
        )

    def gather(self, rows_b: Tensor) -> Batch:
        """The batch of some rows of the panel; `rows_b` is on the device too."""
        windows = tuple(view[first[rows_b]] for view, first in zip(self._views, self._first, strict=True))
        targets = Targets(self._path[rows_b], tuple(trend[rows_b] for trend in self._trends))
        return Batch(windows, targets)


def order_of(rows_n: Tensor, *, seed: int, epoch: int, most: int | None) -> Tensor:
    """The rows of an epoch, shuffled: the same for the same seed and epoch, wherever a training goes on from."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return rows_n[torch.randperm(len(rows_n), generator=generator)[:most]]
