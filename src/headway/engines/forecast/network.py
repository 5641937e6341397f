"""The network: patches of each timeframe, a transformer a timeframe, fusion from the base timeframe, heads.

Names of axes: b windows, t bars, c columns, n patches, d width, h next bars, k parameters a bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import Tensor, nn

from headway.domain.forecast_size import TREND_CLASSES, NetworkShape
from headway.engines.forecast.heads import scale_raw

_TINY = 1e-5


@dataclass(frozen=True)
class Outputs:
    """What the network says of a batch: parameters of the path, and logits of down, flat, up for each trend."""

    path_bhk: Tensor
    trends_b3: tuple[Tensor, ...]


class Network(nn.Module):
    """Built from a shape alone; `domain/forecast_size.py` counts its parameters."""

    def __init__(self, shape: NetworkShape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.encoders = nn.ModuleList(Encoder(shape, columns, dropout) for columns in shape.features)
        self.fusion = Fusion(shape, dropout) if shape.fuses else None
        self.drop = nn.Dropout(dropout)
        self.path = nn.Linear(shape.pooled, shape.path_values)
        self.trends = nn.ModuleList(nn.Linear(shape.pooled, TREND_CLASSES) for _ in range(shape.trends))
        inputs = shape.features[0] * shape.context_bars
        self.skip = nn.Linear(inputs, shape.next_bars, bias=False) if shape.has_skip else None
        if self.skip is not None:
            nn.init.zeros_(self.skip.weight)

    def forward(self, windows_bct: Sequence[Tensor]) -> Outputs:
        """`windows_bct`: a window of each timeframe, base first, oldest bar first."""
        if self.shape.instance_norm:
            return self._forward_normalised(windows_bct)
        pooled = self._pool(windows_bct)
        return Outputs(self._read_path(pooled, windows_bct[0]), self._read_trends(pooled))

    def _forward_normalised(self, windows_bct: Sequence[Tensor]) -> Outputs:
        """Reversible instance normalisation (Kim et al., ICLR 2022), without its affine part.

        The path is scaled back by the deviation of the base window's first column: for candles that is the return of
        one bar, so a window of calm gives a narrow path. A path of returns is a change since the last close and has
        no level to restore; one of the column itself (`restores_level`) has.
        """
        normalised = [normalise(window.float()) for window in windows_bct]
        scaled_bct = [scaled for scaled, _, _ in normalised]
        _, mean_bc1, deviation_bc1 = normalised[0]
        pooled = self._pool(scaled_bct)
        raw_bhk = self._read_path(pooled, scaled_bct[0]).float()
        path_bhk = scale_raw(self.shape.regression, raw_bhk, deviation_bc1[:, :1])
        if self.shape.restores_level:
            path_bhk = path_bhk + mean_bc1[:, :1]
        return Outputs(path_bhk, self._read_trends(pooled))

    def _pool(self, windows_bct: Sequence[Tensor]) -> Tensor:
        tokens = [encode(window) for encode, window in zip(self.encoders, windows_bct, strict=True)]
        fused_bnd = tokens[0] if self.fusion is None else self.fusion(tokens)
        if self.shape.keeps_patches:
            return cast("Tensor", self.drop(fused_bnd.flatten(1)))
        return cast("Tensor", self.drop(torch.cat((fused_bnd.mean(1), fused_bnd[:, -1]), dim=-1)))

    def _read_path(self, pooled: Tensor, base_bct: Tensor) -> Tensor:
        path_bhk = cast("Tensor", self.path(pooled)).view(len(pooled), self.shape.next_bars, -1)
        if self.skip is None:
            return path_bhk
        linear_bh1 = self.skip(base_bct.flatten(1)).unsqueeze(-1)
        return torch.cat((path_bhk[..., :1] + linear_bh1, path_bhk[..., 1:]), dim=-1)

    def _read_trends(self, pooled: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(pooled) for head in self.trends)


class Encoder(nn.Module):
    """One timeframe: patches, a linear map, positions, pre-norm layers, a last norm."""

    positions_nd: Tensor

    def __init__(self, shape: NetworkShape, columns: int, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.patch = nn.Linear(columns * shape.patch_len, shape.d_model)
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.n_layers_tf))
        self.norm = nn.LayerNorm(shape.d_model)
        positions = sinusoids(shape.context_patches, shape.d_model)
        self.register_buffer("positions_nd", positions, persistent=False)

    def forward(self, window_bct: Tensor) -> Tensor:
        patches_bcnp = window_bct.unfold(-1, self.shape.patch_len, self.shape.stride)
        tokens_bnd = self.patch(patches_bcnp.transpose(1, 2).flatten(2))
        tokens_bnd = self.drop(tokens_bnd + self.positions_nd)
        for layer in self.layers:
            tokens_bnd = layer(tokens_bnd)
        return cast("Tensor", self.norm(tokens_bnd))


class Layer(nn.Module):
    """Self-attention and a feed-forward part, each after a norm and added to what came in."""

    def __init__(self, shape: NetworkShape, dropout: float) -> None:
        super().__init__()
        d = shape.d_model
        self.heads = shape.n_heads
        self.norm_attention = nn.LayerNorm(d)
        self.into = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)
        self.norm_forward = nn.LayerNorm(d)
        self.forward_part = FeedForward(d, shape.ff_mult, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x_bnd: Tensor) -> Tensor:
        q, k, v = self.into(self.norm_attention(x_bnd)).chunk(3, dim=-1)
        x_bnd = x_bnd + self.drop(self.out(attend(q, k, v, self.heads)))
        return x_bnd + cast("Tensor", self.forward_part(self.norm_forward(x_bnd)))


class Fusion(nn.Module):
    """The base timeframe asks the others: cross-attention layers, after each token is told its timeframe."""

    def __init__(self, shape: NetworkShape, dropout: float) -> None:
        super().__init__()
        self.timeframes = nn.Parameter(torch.empty(len(shape.features), shape.d_model))
        nn.init.normal_(self.timeframes, std=0.02)
        self.layers = nn.ModuleList(CrossLayer(shape, dropout) for _ in range(shape.n_layers_fusion))
        self.norm = nn.LayerNorm(shape.d_model)

    def forward(self, tokens_bnd: Sequence[Tensor]) -> Tensor:
        """Tokens of the base timeframe that know the others; without layers, all tokens, those of the base last."""
        base_bnd, *others = (tokens + self.timeframes[at] for at, tokens in enumerate(tokens_bnd))
        others_bmd = torch.cat(others, dim=1)
        if not self.layers:
            base_bnd = torch.cat((others_bmd, base_bnd), dim=1)
        for layer in self.layers:
            base_bnd = layer(base_bnd, others_bmd)
        return cast("Tensor", self.norm(base_bnd))


class CrossLayer(nn.Module):
    """As `Layer`, but keys and values come from the other timeframes."""

    def __init__(self, shape: NetworkShape, dropout: float) -> None:
        super().__init__()
        d = shape.d_model
        self.heads = shape.n_heads
        self.norm_query = nn.LayerNorm(d)
        self.norm_context = nn.LayerNorm(d)
        self.query = nn.Linear(d, d)
        self.context = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)
        self.norm_forward = nn.LayerNorm(d)
        self.forward_part = FeedForward(d, shape.ff_mult, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x_bnd: Tensor, others_bmd: Tensor) -> Tensor:
        k, v = self.context(self.norm_context(others_bmd)).chunk(2, dim=-1)
        attended = attend(self.query(self.norm_query(x_bnd)), k, v, self.heads)
        x_bnd = x_bnd + self.drop(self.out(attended))
        return x_bnd + cast("Tensor", self.forward_part(self.norm_forward(x_bnd)))


class FeedForward(nn.Sequential):
    """Two linear maps around a GELU."""

    def __init__(self, d: int, mult: int, dropout: float) -> None:
        hidden = mult * d
        super().__init__(
            nn.Linear(d, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, d), nn.Dropout(dropout)
        )


def normalise(window_bct: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(each column less its mean, in its deviations; the means; the deviations) of every window by itself."""
    mean_bc1 = window_bct.mean(-1, keepdim=True)
    deviation_bc1 = (window_bct.var(-1, keepdim=True, correction=0) + _TINY).sqrt()
    return (window_bct - mean_bc1) / deviation_bc1, mean_bc1, deviation_bc1


def attend(q_bnd: Tensor, k_bmd: Tensor, v_bmd: Tensor, heads: int) -> Tensor:
    """Attention over the second axis. Without dropout on its scores: with it, no fused kernel serves on a CPU."""
    q, k, v = (part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in (q_bnd, k_bmd, v_bmd))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def sinusoids(count: int, width: int) -> Tensor:
    """Positions as sines and cosines of falling frequency, [count, width] (Vaswani et al., 2017, section 3.5)."""
    at = torch.arange(count, dtype=torch.float64).unsqueeze(1)
    rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    angles = at * rates
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :width].float()
