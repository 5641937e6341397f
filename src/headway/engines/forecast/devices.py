"""Where a training runs, and in which precision: decided once, from what the machine can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

Precision = Literal["fp32", "bf16"]

_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
_WORTH_BF16 = 128  # width of the model from which half precision wins on a CPU; below, conversions cost more
_WORTH_SHARING = 128  # the same for a second thread, which on busy cores can be ten times slower than none
_CPUINFO = Path("/proc/cpuinfo")

_deterministic: Any = torch.utils.deterministic  # a module whose only setting torch has not typed


@dataclass(frozen=True)
class Machine:
    """`device` is `cpu` or `cuda`."""

    device: Literal["cpu", "cuda"]
    precision: Precision

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    def autocast(self) -> AbstractContextManager[None]:
        """Half precision where the machine trains in it."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16")


def choose_machine(precision: str, *, gpus: int, d_model: int) -> Machine:
    """The first GPU when the run was given one, else the CPU; `auto` is bf16 where that is faster."""
    device: Literal["cpu", "cuda"] = "cuda" if gpus and torch.cuda.is_available() else "cpu"
    if precision == "auto":
        pays = (
            torch.cuda.is_bf16_supported() if device == "cuda" else d_model >= _WORTH_BF16 and has_cpu_bf16()
        )
        return Machine(device, "bf16" if pays else "fp32")
    return Machine(device, "bf16" if precision == "bf16" else "fp32")


def choose_threads(asked: int, *, d_model: int) -> int:
    """As many as the run was given, but one for a narrow model: sharing costs more than it brings."""
    return asked if d_model >= _WORTH_SHARING else 1


def has_cpu_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU multiplies bf16 by itself; without that it is slower than fp32. False where Linux is not."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return bool(_CPU_FLAGS & set(flags))


@contextmanager
def prepared(machine: Machine, *, threads: int) -> Iterator[None]:
    """Threads and kernels for one training; what was set before comes back.

    On a CPU only kernels that give the same numbers again; on a GPU faster ones (TF32), which may differ in the last
    bits.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        _deterministic.fill_uninitialized_memory,
    )
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(machine.device == "cpu")
    _deterministic.fill_uninitialized_memory = False  # a help for finding errors that costs time
    torch.set_float32_matmul_precision("high" if machine.device == "cuda" else "highest")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.set_float32_matmul_precision(before[2])
        _deterministic.fill_uninitialized_memory = before[3]
