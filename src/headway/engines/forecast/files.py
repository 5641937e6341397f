"""What a run leaves for later: the configuration that ran, the scalers, the weights. Nothing of it is code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from headway.domain.errors import CorruptRunFile, NotFound
from headway.engines.forecast.network import Network
from headway.engines.forecast.scalers import Scalers
from headway.wire.forecast import ForecastConfig
from headway.wire.rundir import RunDir, get_json, write_json, write_whole


class ModelFiles:
    """Paths of a forecast run's model, below its artifacts."""

    def __init__(self, run: RunDir) -> None:
        self.folder = run.artifacts
        self.config = self.folder / "config.yaml"
        self.scaler = self.folder / "scaler.json"
        self.metrics = self.folder / "metrics.json"
        self.predictions = run.predictions
        self.weights = self.folder / "model.safetensors"

    def write_config(self, config: ForecastConfig) -> None:
        """As the run has it resolved: presets and overrides. What the machine chose (precision) is in the manifest."""
        write_whole(self.config, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False).encode())

    def write_scaler(self, scalers: Scalers) -> None:
        write_json(self.scaler, scalers.to_json())

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        write_whole(self.weights, save({name: tensor.contiguous() for name, tensor in weights.items()}))

    def read_config(self) -> ForecastConfig:
        """NotFound where the run left none, CorruptRunFile where it is of another shape."""
        try:
            return ForecastConfig.model_validate(yaml.safe_load(_read(self.config)))
        except (yaml.YAMLError, ValidationError) as error:
            raise CorruptRunFile(f"{self.config} is not what a forecast run writes: {error}") from error

    def read_scaler(self) -> Scalers:
        """As `read_config`."""
        return Scalers.from_json(get_json(self.scaler))

    def load_weights(self, network: Network) -> None:
        """Put the weights into a network of the same shape. Errors as in `read_config`."""
        if not self.weights.is_file():
            raise NotFound(f"there is no {self.weights}: the run has left no model")
        try:
            network.load_state_dict(_load(self.weights))
        except (SafetensorError, RuntimeError) as error:
            raise CorruptRunFile(
                f"{self.weights} does not fit the configuration beside it: {error}"
            ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no {path}: the run has left no model") from error


def _load(path: Path) -> dict[str, Any]:
    return load_file(path, device="cpu")
