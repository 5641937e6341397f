"""What a training has to do, and the network that does it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from headway.domain.forecast_size import NetworkShape
from headway.domain.json import canonical_json
from headway.engines.forecast.devices import Machine
from headway.engines.forecast.network import Network
from headway.engines.forecast.panel import Panel
from headway.wire.forecast import ForecastConfig, TrainConfig
from headway.wire.forecast_shape import shape_of

LOGS_AN_EPOCH = 50


@dataclass(frozen=True)
class Plan:
    """One training: its windows, its settings, its machine, its ends.

    `duration_s` is for all attempts together, `attempt_s` for this one.
    """

    panel: Panel
    config: ForecastConfig
    seed: int
    machine: Machine
    duration_s: float | None = None
    attempt_s: float | None = None

    @property
    def shape(self) -> NetworkShape:
        return shape_of(self.config, self.panel.columns)

    @property
    def windows_per_epoch(self) -> int:
        rows = len(self.panel.windows["train"])
        most = self.config.training.max_windows_per_epoch
        return rows if most is None else min(rows, most)

    @property
    def batches_per_epoch(self) -> int:
        """The last one may be smaller."""
        return -(-self.windows_per_epoch // self.config.training.batch_size)

    @property
    def steps_total(self) -> int:
        return self.config.training.max_epochs * self.batches_per_epoch

    @property
    def log_stride(self) -> int:
        """Steps between two points of the training loss. Counted in steps: a repeated run must log alike."""
        return max(1, self.batches_per_epoch // LOGS_AN_EPOCH)

    def settings_json(self) -> bytes:
        """What must be the same for a checkpoint to go on, besides the panel: not when to end, nor how fast."""
        config = self.config.model_dump(mode="json")
        for part in ("data", "features", "horizons"):  # the panel holds what became of them
            config.pop(part)
        for option in ("instance_norm", "linear_skip"):  # checkpoints are older than these
            if not config["model"][option]:
                config["model"].pop(option)
        training = config["training"]
        for end in ("patience", "min_delta", "top_k", "compile"):
            training.pop(end)
        training["precision"] = self.machine.precision
        return canonical_json({"config": config, "seed": self.seed, "device": self.machine.device})


def build_network(plan: Plan) -> Network:
    """A fresh network; its first weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return Network(plan.shape, dropout=plan.config.model.dropout)


def learning_rate_at(step: int, steps_total: int, config: TrainConfig) -> float:
    """The rate of the step after `step` others: up in a line, then down along a half cosine to the lowest.

    A function of the step alone (Loshchilov and Hutter, 2017, without restarts): a resumed training needs no state.
    """
    warmup = round(config.warmup_fraction * steps_total)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    part = (step - warmup) / max(1, steps_total - warmup)
    lowest = config.min_learning_rate
    return lowest + (config.learning_rate - lowest) * 0.5 * (1.0 + math.cos(math.pi * min(part, 1.0)))
