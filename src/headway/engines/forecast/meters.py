"""What a training uses of its machine, as metrics. What cannot be read is left out, and `why_missing` says so.

A number that is not there is no reason to end a training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import psutil

_EVERY_S = 2.0
_MB = 1_000_000.0
_MEMORY = ("gpu_memory_mb", "gpu_memory_fraction")  # by the names of the result
_BUSY = ("gpu_utilization",)
OF_GPU = (*_MEMORY, *_BUSY)


class Gpu(Protocol):
    """The first GPU that this process may use."""

    def read(self) -> dict[str, float]:
        """Metrics by name, those that it tells."""

    @property
    def why_missing(self) -> Mapping[str, str]:
        """{name of a number that it did not tell at the newest reading: why}."""


class NvmlGpu:
    """Through NVIDIA's management library: what it computes and what it holds are two numbers.

    Each is asked for by itself: part of a GPU (MIG, vGPU) tells its memory and not how busy it is.
    """

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self.why_missing: Mapping[str, str] = {}

    def read(self) -> dict[str, float]:
        self.why_missing = {}
        found: dict[str, float] = {}
        memory = self._ask(self._nvml.nvmlDeviceGetMemoryInfo, _MEMORY)
        if memory is not None:
            found["system/gpu_memory_mb"] = memory.used / _MB
            found["system/gpu_memory_fraction"] = memory.used / memory.total
        busy = self._ask(self._nvml.nvmlDeviceGetUtilizationRates, _BUSY)
        if busy is not None:
            found["system/gpu_fraction"] = busy.gpu / 100.0
        return found

    def _ask(self, question: Callable[[Any], Any], names: tuple[str, ...]) -> Any | None:
        try:
            return question(self._handle)
        except self._nvml.NVMLError as error:
            self.why_missing = {**self.why_missing, **dict.fromkeys(names, f"the GPU does not tell: {error}")}
            return None


class Meters:
    """Reads at most every two seconds: the process' share of all cores, its memory, and the GPU where there is one.

    `why_no_gpu` says why there is none. `note` is told once why a number of the GPU is missing.
    """

    def __init__(
        self,
        gpu: Gpu | None = None,
        why_no_gpu: str = "",
        *,
        note: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gpu = gpu
        self._why_no_gpu = why_no_gpu
        self._note = note
        self._noted: set[str] = set()
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
        if self._gpu is not None:
            found |= self._gpu.read()
            self._tell_missing(self._gpu.why_missing)
        return found

    @property
    def why_missing(self) -> Mapping[str, str]:
        """{name of a number of the GPU that is missing: why}."""
        return dict.fromkeys(OF_GPU, self._why_no_gpu) if self._gpu is None else self._gpu.why_missing

    def _tell_missing(self, why: Mapping[str, str]) -> None:
        new = {name: reason for name, reason in why.items() if name not in self._noted}
        self._noted |= set(new)
        if new and self._note is not None:
            self._note("; ".join(f"{name} is missing: {reason}" for name, reason in new.items()))


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
