"""The network that a configuration asks for: the service half estimates by it, the training half builds it."""

from __future__ import annotations

from headway.domain.forecast_features import count_columns
from headway.domain.forecast_size import NetworkShape
from headway.wire.forecast import ForecastConfig


def shape_of(config: ForecastConfig, columns: tuple[int, ...] | None = None) -> NetworkShape:
    """Its shape. `columns` of each timeframe, base first: as they were made; None: as many as will be."""
    model = config.model
    return NetworkShape(
        features=count_all_columns(config) if columns is None else columns,
        d_model=model.d_model,
        n_heads=model.n_heads,
        n_layers_tf=model.n_layers_tf,
        n_layers_fusion=model.n_layers_fusion,
        ff_mult=model.ff_mult,
        patch_len=model.patch_len,
        stride=model.stride,
        context_patches=model.context_patches,
        next_bars=config.horizons.next_bars,
        regression=config.loss.regression,
        quantiles=len(config.loss.quantiles),
        instance_norm=model.instance_norm,
        has_skip=model.linear_skip,
    )


def count_all_columns(config: ForecastConfig) -> tuple[int, ...]:
    """Columns of each timeframe, base first."""
    features = config.features
    return tuple(
        count_columns(name, features.indicators_of(name), calendar=features.calendar)
        for name in config.data.timeframes
    )
