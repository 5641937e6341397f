"""What a training uses of its machine, as metrics. What cannot be read is left out, and `why_missing` says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import psutil

_EVERY_S = 2.0
_MB = 1_000_000.0


class Gpu(Protocol):
    """The first GPU that this process may use."""

    def read(self) -> dict[str, float]: ...


class NvmlGpu:
    """Through NVIDIA's management library: what it computes and what it holds are two numbers."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def read(self) -> dict[str, float]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        busy = self._nvml.nvmlDeviceGetUtilizationRates(self._handle)
        return {
            "system/gpu_memory_mb": memory.used / _MB,
            "system/gpu_memory_fraction": memory.used / memory.total,
            "system/gpu_fraction": busy.gpu / 100.0,
        }


class Meters:
    """Reads at most every two seconds: the process' share of all cores, its memory, and the GPU where there is one."""

    def __init__(self, gpu: Gpu | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._gpu = gpu
        self._clock = clock
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only marks the beginning
        self._read_at = clock() - _EVERY_S

    def read(self) -> dict[str, float]:
        """Metrics by name; none when it is too soon."""
        now = self._clock()
        if now - self._read_at < _EVERY_S:
            return {}
        self._read_at = now
        cores = psutil.cpu_count() or 1
        found = {
            "system/cpu_fraction": min(self._process.cpu_percent() / 100.0 / cores, 1.0),
            "system/memory_mb": self._process.memory_info().rss / _MB,
        }
        return found if self._gpu is None else found | self._gpu.read()


def find_gpu(visible: str, *, load: Callable[[str], Any] = import_module) -> tuple[Gpu | None, str]:
    """(the GPU, "") or (None, why there are no numbers of one). `visible` is CUDA_VISIBLE_DEVICES."""
    try:
        nvml = load("pynvml")
    except ImportError:
        return None, "the package nvidia-ml-py is not installed"
    try:
        nvml.nvmlInit()
        first = visible.split(",")[0].strip()
        return NvmlGpu(nvml, int(first) if first.isdigit() else 0), ""
    except nvml.NVMLError as error:
        return None, f"no NVIDIA GPU can be asked: {error}"
