"""Windows trained a second, on one core: the engine against a bare loop, and against Lightning as it is usually fed.

`python -m benchmarks.forecast_throughput [--quick] [--json FILE]`. All train the same network on the same windows with
the same losses and AdamW. Ours is the whole of it: Lightning's Trainer, validation after each epoch, checkpoints, progress.
The bare loop gathers the same views and does nothing else. The usual way is a Dataset that cuts out one window at a
time, a DataLoader in the same process, and a LightningModule that logs its loss. They train in turns, so that other load
falls on all.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
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
from headway.engines.forecast.devices import Machine, choose_machine, prepared
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
SETUPS = {"tiny, 32 wide": (MODELS["tiny"], 64), "256 wide, 2 layers": (WIDE, 32)}
_OURS = "headway"
_LOOP = "bare loop, same precision"
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
        self.network, self.plan, self.windows_seen = build_network(plan), plan, 0

    def training_step(self, batch: Any) -> Tensor:
        windows, path, trends = batch
        found = measure_losses(self.network(windows), Targets(path, tuple(trends)), self.plan.config.loss)
        loss = found.total(weights_of(self.plan.config.loss, CPU))
        self.log("train_loss", loss)
        self.windows_seen += len(path)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.network, self.plan)


def make_plan(model: ModelConfig, batch: int) -> Plan:
    """In the precision that the engine chooses for the machine."""
    machine = choose_machine("auto", gpus=0, d_model=model.d_model)
    config = ForecastConfig(
        data=DataConfig(source="wave", base_timeframe="1h", timeframes=("1h", "4h")),
        model=model,
        training=TrainConfig(max_epochs=10_000, batch_size=batch, patience=0, precision=machine.precision),
    )
    panel = wave_panel(6_000, context=model.context_bars, horizon=1)
    return Plan(panel, config, 1, machine)


def ours(plan: Plan, seconds: float) -> float:
    timed = Plan(plan.panel, plan.config, plan.seed, plan.machine, duration_s=seconds)
    with tempfile.TemporaryDirectory() as folder:
        learned = learn(timed, RecordingReporter(RunDir(Path(folder))))
    return learned.steps * plan.config.training.batch_size / learned.elapsed_s


def bare_loop(plan: Plan, seconds: float) -> float:
    network, windows = build_network(plan), Windows(plan.panel, CPU)
    optimizer, weights = make_optimizer(network, plan), weights_of(plan.config.loss, CPU)
    rows = torch.from_numpy(plan.panel.windows["train"])
    seen, began = 0, time.perf_counter()
    for epoch in range(10_000):
        for rows_b in torch.split(
            order_of(rows, seed=1, epoch=epoch, most=None), plan.config.training.batch_size
        ):
            _step(network, windows, optimizer, weights, rows_b, plan)
            seen += len(rows_b)
            if time.perf_counter() - began > seconds:
                return seen / (time.perf_counter() - began)
    return 0.0


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


def usual(plan: Plan, seconds: float) -> float:
    module = Usual(plan)
    loader = DataLoader(Cut(plan), batch_size=plan.config.training.batch_size, shuffle=True)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=10_000,
        max_time={"seconds": seconds},
        gradient_clip_val=plan.config.training.clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    began = time.perf_counter()
    trainer.fit(module, loader)
    return module.windows_seen / (time.perf_counter() - began)


WAYS: dict[str, Callable[[Plan, float], float]] = {_OURS: ours, _LOOP: bare_loop, _USUAL: usual}


def measure(pace: Pace) -> list[Measure]:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # Lightning advises to use workers, which are slower here
    seconds = pace.choose(4, 2)
    return [
        _measure(name, *setup, seconds=seconds, turns=pace.choose(3, 1)) for name, setup in SETUPS.items()
    ]


def _measure(name: str, model: ModelConfig, batch: int, *, seconds: float, turns: int) -> Measure:
    plan = make_plan(model, batch)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with prepared(Machine("cpu", plan.machine.precision), threads=1):
        ours(plan, 0.1)  # first use of torch
        for _ in range(turns):
            for way, train in WAYS.items():
                rates[way].append(train(plan, seconds))
    found = {way: statistics.median(values) for way, values in rates.items()}
    best = found.pop(_OURS)
    against = tuple(Reference(way, rate) for way, rate in found.items())
    note = f"ours in {plan.machine.precision}, validation and checkpoints included"
    return Measure(f"forecast windows/s, {name}", best, "/s", more_is_better=True, against=against, note=note)


if __name__ == "__main__":
    run_alone(measure)
