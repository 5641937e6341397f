"""The scalers of all timeframes and the unit of the targets, as a run keeps them in `scaler.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway.domain.errors import CorruptRunFile
from headway.domain.json import JsonObject
from headway.engines.forecast.panel import Floats32
from headway.engines.forecast.streams import Stream
from headway.engines.scaling import Kind, Scaler, fit_scaler


@dataclass(frozen=True)
class Scalers:
    """What turns new candles into what the model was trained on."""

    timeframes: Mapping[str, Scaler]
    target_scale: float  # standard deviation of the log return over one base bar, on the train rows

    def scale(self, streams: Mapping[str, Stream]) -> dict[str, Floats32]:
        """{timeframe: scaled features}; ValueError for other timeframes or columns."""
        if set(streams) != set(self.timeframes):
            raise ValueError(f"scalers of {sorted(self.timeframes)} cannot scale {sorted(streams)}")
        return {
            name: self.timeframes[name].scale(stream.names, stream.values) for name, stream in streams.items()
        }

    def to_json(self) -> JsonObject:
        timeframes = {name: scaler.to_json() for name, scaler in self.timeframes.items()}
        return {"target_scale": self.target_scale, "timeframes": timeframes}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Scalers:
        """The scalers in `stored`; CorruptRunFile when it is of another shape."""
        try:
            scalers = {name: Scaler.from_json(scaler) for name, scaler in stored["timeframes"].items()}
            return cls(scalers, float(stored["target_scale"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptRunFile(f"scaler.json is not what a forecast run writes: {error!r}") from error


def fit_scalers(
    streams: Mapping[str, Stream], last_train_bar: Mapping[str, int], target_scale: float, kind: Kind
) -> Scalers:
    """Fitted on the bars that have closed by the last train row."""
    fitted = {
        name: fit_scaler(stream.names, stream.values[: last_train_bar[name] + 1], kind)
        for name, stream in streams.items()
    }
    return Scalers(fitted, target_scale)
