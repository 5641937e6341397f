"""The decisions of a training that need no training: rates, records, machines, meters, what a checkpoint belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from headway.engines.forecast.devices import Machine, choose_machine, choose_threads, has_cpu_bf16
from headway.engines.forecast.meters import Meters, find_gpu
from headway.engines.forecast.module import make_optimizer
from headway.engines.forecast.plan import Plan, build_network, learning_rate_at
from headway.engines.forecast.record import Record, Validation
from headway.engines.forecast.windows import order_of
from headway.wire.forecast import DataConfig, ForecastConfig, ModelConfig, TrainConfig
from tests.fakes.clock import SettableTime
from tests.fakes.panels import wave_panel

TRAINING = TrainConfig(learning_rate=1e-3, min_learning_rate=1e-5, warmup_fraction=0.1, top_k=2, patience=2)
MODEL = ModelConfig(
    variant="tiny",
    d_model=16,
    n_heads=2,
    n_layers_tf=1,
    n_layers_fusion=1,
    patch_len=4,
    stride=4,
    context_patches=4,
)


def make_plan(**changes: object) -> Plan:
    data = DataConfig(source="wave", base_timeframe="1h", timeframes=("1h", "4h"))
    config = ForecastConfig(data=data, model=MODEL, training=TRAINING)
    return replace(Plan(wave_panel(400), config, 1, Machine("cpu", "fp32")), **changes)  # type: ignore[arg-type]


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    rates = [learning_rate_at(step, 100, TRAINING) for step in range(100)]

    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == rates[10] == pytest.approx(1e-3)
    assert rates[55] == pytest.approx((1e-3 + 1e-5) / 2)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate_at(100, 100, TRAINING) == pytest.approx(1e-5)


def test_without_warm_up_the_first_rate_is_the_highest() -> None:
    config = TRAINING.model_copy(update={"warmup_fraction": 0.0})

    assert learning_rate_at(0, 10, config) == 1e-3


def test_orders_differ_by_epoch_and_seed_and_repeat() -> None:
    rows = torch.arange(50) + 7
    first = order_of(rows, seed=1, epoch=0, most=None)

    assert torch.equal(first, order_of(rows, seed=1, epoch=0, most=None))
    assert sorted(first.tolist()) == rows.tolist()
    assert not torch.equal(first, order_of(rows, seed=1, epoch=1, most=None))
    assert not torch.equal(first, order_of(rows, seed=2, epoch=0, most=None))
    assert len(order_of(rows, seed=1, epoch=0, most=10)) == 10


def record_of(*losses: float) -> Record:
    record = Record()
    for step, loss in enumerate(losses, start=1):
        record = record.after(Validation(step, step, loss), TRAINING, lambda: {"w": torch.tensor(0.0)})
    return record


def test_a_small_gain_is_the_best_and_yet_no_reason_to_wait_longer() -> None:
    record = record_of(1.0, 0.99995, 0.99994)

    assert record.best is not None
    assert record.best.step == 3
    assert record.waited == 2
    assert record.is_exhausted(2)
    assert not record.is_exhausted(0)


def test_a_loss_below_zero_that_falls_is_a_gain() -> None:
    assert record_of(0.0, -1.0, -2.0).waited == 0


def test_the_best_checkpoints_are_remembered_by_their_loss() -> None:
    assert record_of(3.0, 1.0, 2.0, 4.0).top_steps == (2, 3)


def test_norms_and_biases_do_not_decay() -> None:
    plan = make_plan()
    network = build_network(plan)
    decaying, free = make_optimizer(network, plan).param_groups

    assert decaying["weight_decay"] == plan.config.training.weight_decay
    assert free["weight_decay"] == 0.0
    assert all(parameter.ndim > 1 for parameter in decaying["params"])
    assert sum(len(group["params"]) for group in (decaying, free)) == len(list(network.parameters()))


def test_the_first_weights_depend_on_the_seed_alone() -> None:
    first = build_network(make_plan()).state_dict()
    torch.rand(3)
    again = build_network(make_plan()).state_dict()
    other = build_network(make_plan(seed=2)).state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_checkpoint_does_not_depend_on_when_to_end() -> None:
    plan = make_plan()
    training = TRAINING.model_copy(update={"patience": 9, "top_k": 7, "min_delta": 0.5})
    sooner = make_plan(config=plan.config.model_copy(update={"training": training}), duration_s=3.0)
    longer = TRAINING.model_copy(update={"max_epochs": 3})

    assert sooner.settings_json() == plan.settings_json()
    assert make_plan(seed=2).settings_json() != plan.settings_json()
    assert (
        make_plan(config=plan.config.model_copy(update={"training": longer})).settings_json()
        != plan.settings_json()
    )


@pytest.mark.parametrize(
    ("flags", "expected"), [("fpu avx512_bf16 sse", True), ("fpu amx_bf16", True), ("fpu avx2", False)]
)
def test_half_precision_of_a_cpu_is_read_from_its_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")

    assert has_cpu_bf16(tmp_path / "cpuinfo") is expected
    assert has_cpu_bf16(tmp_path / "none") is False


def test_a_narrow_model_stays_in_single_precision_unless_asked() -> None:
    assert choose_machine("auto", gpus=0, d_model=32) == Machine("cpu", "fp32")
    assert choose_machine("bf16", gpus=0, d_model=32) == Machine("cpu", "bf16")
    assert choose_machine("auto", gpus=0, d_model=256).precision == ("bf16" if has_cpu_bf16() else "fp32")


def test_a_narrow_model_trains_in_one_thread_whatever_it_was_given() -> None:
    assert choose_threads(4, d_model=32) == 1
    assert choose_threads(4, d_model=256) == 4


class NvmlError(Exception):
    """As the library's own."""


def nvml(**changes: Any) -> SimpleNamespace:
    found = {
        "NVMLError": NvmlError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=2_000_000_000, total=8_000_000_000),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=75, memory=10),
    }
    return SimpleNamespace(**(found | changes))


def test_what_a_gpu_computes_and_what_it_holds_are_two_numbers() -> None:
    gpu, why = find_gpu("3,4", load=lambda name: nvml())
    assert gpu is not None
    found = Meters(gpu).read()

    assert why == ""
    assert found["system/gpu_fraction"] == 0.75
    assert found["system/gpu_memory_fraction"] == 0.25
    assert found["system/gpu_memory_mb"] == 2_000.0
    assert 0.0 <= found["system/cpu_fraction"] <= 1.0
    assert found["system/memory_mb"] > 1.0


def test_without_a_gpu_there_is_a_reason_and_no_number() -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    def broken() -> None:
        raise NvmlError("driver not loaded")

    assert find_gpu("", load=missing) == (None, "the package nvidia-ml-py is not installed")
    assert "driver not loaded" in find_gpu("", load=lambda name: nvml(nvmlInit=broken))[1]
    assert not any("gpu" in name for name in Meters().read())


def test_a_gpu_that_does_not_tell_all_ends_no_training_and_says_why_once() -> None:
    def refuse(handle: int) -> object:
        raise NvmlError("Not Supported")

    notes: list[str] = []
    time = SettableTime()
    gpu, _ = find_gpu("0", load=lambda name: nvml(nvmlDeviceGetUtilizationRates=refuse))
    meters = Meters(gpu, note=notes.append, clock=time.monotonic)
    found = meters.read()
    time.advance(5.0)
    meters.read()

    assert found["system/gpu_memory_mb"] == 2_000.0
    assert "system/gpu_fraction" not in found
    assert meters.why_missing == {"gpu_utilization": "the GPU does not tell: Not Supported"}
    assert notes == ["gpu_utilization is missing: the GPU does not tell: Not Supported"]


def test_meters_are_read_at_most_every_two_seconds() -> None:
    time = SettableTime()
    meters = Meters(clock=time.monotonic)

    assert meters.read() != {}
    assert meters.read() == {}
