"""How large a forecasting network is: its shape, its parameters and its memory, by formula.

The network itself is `engines/forecast/network.py`, which is built from the same shape; a test holds both counts equal.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_VALUES = {
    "gaussian_nll": 2,
    "student_t": 3,
    "deterministic": 1,
}  # a step of the path; quantiles: as many as asked
TREND_CLASSES = 3

_FLOAT_BYTES = 4
_ADAM_COPIES = 4  # weights, gradients, and AdamW's two moments


@dataclass(frozen=True)
class NetworkShape:
    """All sizes that make a network. Bars are those of the timeframe itself."""

    features: tuple[int, ...]  # columns of each timeframe, base first
    d_model: int
    n_heads: int
    n_layers_tf: int
    n_layers_fusion: int
    ff_mult: int
    patch_len: int
    stride: int
    context_patches: int
    next_bars: int
    regression: str = "gaussian_nll"
    quantiles: int = 3
    trends: int = 2  # heads of down, flat, up
    keeps_patches: bool = (
        False  # the heads see every patch of the base timeframe, not their mean and the newest
    )
    instance_norm: bool = False  # each column of a window in units of its own mean and deviation there
    restores_level: bool = False  # with it: the path is of the first column itself, whose mean is added again
    has_skip: bool = False  # a linear map from the base window beside the path's head

    def __post_init__(self) -> None:
        if self.keeps_patches and self.fuses:
            raise ValueError("patches are kept for a single timeframe only")
        if self.restores_level and not (self.instance_norm and self.regression == "deterministic"):
            raise ValueError("a level is restored where it was taken away, and for a deterministic head only")

    @property
    def context_bars(self) -> int:
        """Bars that a window holds, of each timeframe."""
        return (self.context_patches - 1) * self.stride + self.patch_len

    @property
    def path_values(self) -> int:
        """Numbers that the path's head gives: the parameters of each of the next bars."""
        return self.next_bars * HEAD_VALUES.get(self.regression, self.quantiles)

    @property
    def pooled(self) -> int:
        """Numbers that each head is given."""
        return self.d_model * (self.context_patches if self.keeps_patches else 2)

    @property
    def fuses(self) -> bool:
        """Whether there is more than one timeframe to bring together."""
        return len(self.features) > 1


def count_parameters(shape: NetworkShape) -> int:
    """Trainable parameters of the network: weights, biases, norms, embeddings."""
    d = shape.d_model
    feed_forward = _linear(d, shape.ff_mult * d) + _linear(shape.ff_mult * d, d)
    attention = _linear(d, 3 * d) + _linear(d, d)  # queries, keys and values together, and the way out
    encoder = shape.n_layers_tf * (attention + feed_forward + 2 * _norm(d)) + _norm(d)
    patches = sum(_linear(columns * shape.patch_len, d) for columns in shape.features)
    total = patches + len(shape.features) * encoder
    if shape.fuses:
        total += len(shape.features) * d  # which timeframe a token is of
        total += shape.n_layers_fusion * (attention + feed_forward + 3 * _norm(d)) + _norm(d)
    heads = _linear(shape.pooled, shape.path_values) + shape.trends * _linear(shape.pooled, TREND_CLASSES)
    skip = shape.features[0] * shape.context_bars * shape.next_bars if shape.has_skip else 0
    return total + heads + skip


def estimate_training_bytes(shape: NetworkShape, batch: int) -> int:
    """Bytes that a training step holds in fp32: weights, gradients, AdamW, and the activations kept for going back.

    An estimate: the attention is counted as the fused one, which keeps no matrix of scores. Input windows are counted.
    """
    tokens, d = shape.context_patches, shape.d_model
    layer = (
        tokens * d * (11 + 2 * shape.ff_mult)
    )  # norms, q, k, v, attended, sums, masks, hidden before and after GELU
    windows = sum(columns * (shape.context_bars + tokens * shape.patch_len) for columns in shape.features)
    layers = len(shape.features) * shape.n_layers_tf + (shape.n_layers_fusion if shape.fuses else 0)
    keys = 2 * tokens * d * (len(shape.features) - 1) * (shape.n_layers_fusion if shape.fuses else 0)
    stems = len(shape.features) * tokens * d * 4
    activations = batch * (windows + layers * layer + keys + stems + shape.pooled + shape.path_values)
    return _FLOAT_BYTES * (_ADAM_COPIES * count_parameters(shape) + activations)


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _norm(size: int) -> int:
    return 2 * size
