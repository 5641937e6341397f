"""The scaler of feature columns: fitted on the rows that are learnt from, and on nothing later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headway.domain.json import JsonObject

Kind = Literal["robust", "standard"]

_CLIP = 5.0  # scaled features stay within so many spreads: one wild bar must not drive the network
_IQR_OF_NORMAL = 1.349  # interquartile range of a standard normal


@dataclass(frozen=True)
class Scaler:
    """Centres and spreads of the columns; features are clipped to 5 spreads."""

    names: tuple[str, ...]
    centre_c: NDArray[np.float64]
    spread_c: NDArray[np.float64]
    clip: float = _CLIP

    def scale(self, names: tuple[str, ...], values_rc: NDArray[Any]) -> NDArray[np.float32]:
        """The scaled values; ValueError when the columns are others."""
        if names != self.names:
            raise ValueError(f"a scaler of {self.names} cannot scale {names}")
        scaled = (values_rc - self.centre_c) / self.spread_c
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)

    def to_json(self) -> JsonObject:
        return {
            "names": list(self.names),
            "centre": self.centre_c.tolist(),
            "spread": self.spread_c.tolist(),
            "clip": self.clip,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Scaler:
        return cls(
            names=tuple(stored["names"]),
            centre_c=np.array(stored["centre"], np.float64),
            spread_c=np.array(stored["spread"], np.float64),
            clip=float(stored["clip"]),
        )


def fit_scaler(names: tuple[str, ...], values_rc: NDArray[Any], kind: Kind = "robust") -> Scaler:
    """Median and interquartile range (`robust`), the standard deviation where most values are equal; or mean and
    standard deviation (`standard`). A column that never changes has the spread 1: scaled it is 0."""
    values = values_rc.astype(np.float64)
    deviation = values.std(axis=0)
    if kind == "standard":
        centre, spread = values.mean(axis=0), deviation
    else:
        low, centre, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        spread = (high - low) / _IQR_OF_NORMAL
    spread = np.where(spread > 0.0, spread, deviation)
    return Scaler(names, centre, np.where(spread > 0.0, spread, 1.0))
