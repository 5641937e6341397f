"""Windows trained in a second of CPU, on one core: the engine, a bare loop, and Lightning as it is usually fed.

`python -m benchmarks.forecast_throughput [--quick] [--json FILE]`. All train the same network for one epoch on the same
windows with the same losses and AdamW, in turns. Ours is the whole of it: Lightning's Trainer, validation on a fifth as
many windows, the checkpoint, progress. The bare loop gathers the same views and does nothing else. The usual way is a
Dataset that cuts out one window at a time, a DataLoader in the same process, and a LightningModule that logs its loss.
CPU time of the process is counted: other work on the machine falls on it less than on the clock.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from tests.fakes.panels import wave_panel
from tests.fakes.reporter import RecordingReporter
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.alone import Pace, run_alone
from benchmarks.tables import Measure, Reference
from headway.engines.forecast.devices import choose_machine, prepared
from headway.engines.forecast.learn import learn
from headway.engines.forecast.losses import Targets, weights_of
from headway.engines.forecast.losses import measure as measure_losses
from headway.engines.forecast.module import make_optimizer
from headway.engines.forecast.network import Network
from headway.engines.forecast.plan import Plan, build_network
from headway.engines.forecast.windows import Windows, order_of
from headway.wire.forecast import MODELS, DataConfig, ForecastConfig, ModelConfig, TrainConfig
from headway.wire.rundir import RunDir

CPU = torch.device("cpu")
WIDE = ModelConfig(variant="tiny", d_model=256, n_heads=8, patch_len=16, stride=8, context_patches=16)
SETUPS = {"tiny, 32 wide": (MODELS["tiny"], 64, 4_000), "256 wide, 2 layers": (WIDE, 32, 320)}
_OURS = "headway"
_LOOP = "bare loop"
_USUAL = "Lightning with a DataLoader"


class Cut(Dataset[tuple[Any, ...]]):
    """One window at a time, as most people write it."""

    def __init__(self, plan: Plan) -> None:
        panel = plan.panel
        self._rows = panel.windows["train"]
        self._streams = [torch.from_numpy(panel.streams[name]).T for name in panel.timeframes]
        self._last = [panel.last_bar[name] for name in panel.timeframes]
        self._bars = [panel.context_bars[name] for name in panel.timeframes]
        self._path = torch.from_numpy(panel.path_target)
        self._trends = [torch.from_numpy(target).long() for target in (panel.short_target, panel.long_target)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        row = int(self._rows[index])
        parts = zip(self._streams, self._last, self._bars, strict=True)
        windows = tuple(stream[:, last[row] - bars + 1 : last[row] + 1] for stream, last, bars in parts)
        return windows, self._path[row], tuple(trend[row] for trend in self._trends)


class Usual(LightningModule):
    """The same step as the engine's."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.network, self.plan = build_network(plan), plan

    def training_step(self, batch: Any) -> Tensor:
        windows, path, trends = batch
        found = measure_losses(self.network(windows), Targets(path, tuple(trends)), self.plan.config.loss)
        loss = found.total(weights_of(self.plan.config.loss, CPU))
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        training = self.plan.config.training  # not fused: Lightning does not clip for that in half precision
        return torch.optim.AdamW(
            self.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )


def make_plan(model: ModelConfig, batch: int, windows: int) -> Plan:
    """One epoch of so many windows, in the precision that the engine chooses for the machine."""
    machine = choose_machine("auto", gpus=0, d_model=model.d_model)
    config = ForecastConfig(
        data=DataConfig(source="wave", base_timeframe="1h", timeframes=("1h", "4h")),
        model=model,
        training=TrainConfig(max_epochs=1, batch_size=batch, precision=machine.precision),
    )
    panel = wave_panel(6_000, context=model.context_bars, horizon=1)
    rows = {"train": windows, "validation": windows // 5, "test": windows // 5}
    panel = replace(panel, windows={name: panel.windows[name][:count] for name, count in rows.items()})
    return Plan(panel, config, 1, machine)


def ours(plan: Plan) -> None:
    with tempfile.TemporaryDirectory() as folder:
        learn(plan, RecordingReporter(RunDir(Path(folder))))


def bare_loop(plan: Plan) -> None:
    network, windows = build_network(plan), Windows(plan.panel, CPU)
    optimizer, weights = make_optimizer(network, plan), weights_of(plan.config.loss, CPU)
    rows = order_of(torch.from_numpy(plan.panel.windows["train"]), seed=1, epoch=0, most=None)
    for rows_b in torch.split(rows, plan.config.training.batch_size):
        _step(network, windows, optimizer, weights, rows_b, plan)


def _step(
    network: Network,
    windows: Windows,
    optimizer: torch.optim.Optimizer,
    weights: Tensor,
    rows_b: Tensor,
    plan: Plan,
) -> None:
    batch = windows.gather(rows_b)
    with plan.machine.autocast():
        outputs = network(batch.windows_bct)
    loss = measure_losses(outputs, batch.targets, plan.config.loss).total(weights)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), plan.config.training.clip)
    optimizer.step()


def usual(plan: Plan) -> None:
    loader = DataLoader(Cut(plan), batch_size=plan.config.training.batch_size, shuffle=True)
    trainer = Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if plan.machine.precision == "bf16" else "32-true",
        max_epochs=1,
        gradient_clip_val=plan.config.training.clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Usual(plan), loader)


WAYS: dict[str, Callable[[Plan], None]] = {_OURS: ours, _LOOP: bare_loop, _USUAL: usual}


def measure(pace: Pace) -> list[Measure]:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # Lightning advises to use workers, which are slower here
    return [_measure(name, *setup, turns=pace.choose(3, 1)) for name, setup in SETUPS.items()]


def _measure(name: str, model: ModelConfig, batch: int, windows: int, *, turns: int) -> Measure:
    plan = make_plan(model, batch, windows)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with prepared(plan.machine, threads=1):
        ours(make_plan(model, batch, 2 * batch))  # first use of torch
        for _ in range(turns):
            for way, train in WAYS.items():
                began = time.process_time()
                train(plan)
                rates[way].append(windows / (time.process_time() - began))
    found = {way: statistics.median(values) for way, values in rates.items()}
    best = found.pop(_OURS)
    against = tuple(Reference(way, rate) for way, rate in found.items())
    note = f"{plan.machine.precision}; ours with validation and a checkpoint"
    return Measure(
        f"forecast windows/s of CPU, {name}", best, "/s", more_is_better=True, against=against, note=note
    )


if __name__ == "__main__":
    run_alone(measure)
