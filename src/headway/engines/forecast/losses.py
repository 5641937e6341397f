"""The losses: of the path, and of the short and the long trend. What has no future counts in none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from headway.engines.forecast.heads import log_density, read_normal, read_quantiles, read_student_t
from headway.engines.forecast.network import Outputs
from headway.engines.forecast.panel import MASKED
from headway.wire.forecast import LossConfig


@dataclass(frozen=True)
class Targets:
    """What came true: NaN and MASKED where the future is not whole."""

    path_bh: Tensor
    trends_b: tuple[Tensor, ...]  # short, long; classes as int64


@dataclass(frozen=True)
class Terms:
    """Sums of each loss and how many values they are of, so that batches add up; [regression, short, long]."""

    sums: Tensor
    counts: Tensor

    def __add__(self, other: Terms) -> Terms:
        return Terms(self.sums + other.sums, self.counts + other.counts)

    def detach(self) -> Terms:
        return Terms(self.sums.detach(), self.counts)

    def total(self, weights: Tensor) -> Tensor:
        """Weighted sum of the means; a loss of no values at all is 0."""
        return (weights * self.sums / self.counts.clamp(min=1.0)).sum()


def measure(outputs: Outputs, targets: Targets, config: LossConfig) -> Terms:
    """The losses of a batch. `sums` carry the gradient."""
    whole_bh = ~torch.isnan(targets.path_bh)
    loss_bh = path_loss(outputs.path_bhk.float(), torch.nan_to_num(targets.path_bh), config)
    sums = [torch.where(whole_bh, loss_bh, 0.0).sum()]
    counts = [whole_bh.sum()]
    for logits, classes in zip(outputs.trends_b3, targets.trends_b, strict=True):
        sums.append(trend_loss(logits.float(), classes, config).sum())
        counts.append((classes != MASKED).sum())
    return Terms(torch.stack(sums), torch.stack(counts).float())


def weights_of(config: LossConfig, device: torch.device) -> Tensor:
    """Weights of the terms, in their order."""
    weights = config.weights
    return torch.tensor([weights.regression, weights.short, weights.long], device=device)


def path_loss(raw_bhk: Tensor, target_bh: Tensor, config: LossConfig) -> Tensor:
    """Of each bar of the path, [b, h]: negative log likelihood, pinball loss (mean over quantiles) or squared error."""
    if config.regression == "gaussian_nll":
        return -log_density(read_normal(raw_bhk), target_bh)
    if config.regression == "student_t":  # in fp64: its gamma functions cancel out from a thousand degrees on
        return -log_density(read_student_t(raw_bhk.double()), target_bh.double()).float()
    if config.regression == "quantile":
        return pinball(read_quantiles(raw_bhk), target_bh, config.quantiles)
    return (raw_bhk[..., 0] - target_bh).square()


def pinball(levels_bhk: Tensor, target_bh: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Mean over quantiles of max(q·d, (q − 1)·d), d = target − forecast (Koenker and Bassett, 1978)."""
    missed = target_bh.unsqueeze(-1) - levels_bhk
    shares = torch.tensor(quantiles, device=levels_bhk.device)
    return torch.maximum(shares * missed, (shares - 1.0) * missed).mean(-1)


def trend_loss(logits_b3: Tensor, classes_b: Tensor, config: LossConfig) -> Tensor:
    """Of each row, 0 for masked ones: cross-entropy, or focal: that times (1 − p)^gamma (Lin et al., 2017)."""
    loss_b = F.cross_entropy(
        logits_b3, classes_b, ignore_index=MASKED, label_smoothing=config.label_smoothing, reduction="none"
    )
    if config.trend == "cross_entropy":
        return loss_b
    of_truth = logits_b3.softmax(-1).gather(-1, classes_b.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return loss_b * (1.0 - of_truth) ** config.focal_gamma
