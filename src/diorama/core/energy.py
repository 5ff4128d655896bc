"""Joules that a piece of work took, and how they are known.

GPUs count their own (NVML's total energy), many Intel and AMD processors too (RAPL, where it may be read). Where
the processor's counter is closed, its share is estimated from processor time and a stated power, and says so.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import torch

from diorama.core import distributed

WATTS_PER_CORE = 10.0
"""Assumed power of one busy core with its share of memory and board, where nothing can be measured."""

_RAPL = Path("/sys/class/powercap")


class EnergyMeter:
    """Counts joules from its making on.

    Args:
        device: whose energy counts beside the processor's.

    Attributes:
        source: where the numbers come from, for provenance: ``"NVML"``, ``"RAPL"``, or an estimate with its
            assumption; joined by ``" + "``.
    """

    def __init__(self, device: torch.device) -> None:
        self._gpu = _gpu_handle(device)
        # RAPL counts the whole machine, so one process of each machine reads it.
        self._packages = _rapl_packages()
        self._counts = distributed.local_rank() == 0
        self._ranges = [_number(p / "max_energy_range_uj") for p in self._packages]
        self._process = psutil.Process()
        self._start_gpu = self._gpu_joules()
        self._before = [_number(p / "energy_uj") for p in self._packages]
        self._rapl_total = 0.0
        self._start_cpu = self._cpu_seconds()
        processor = "RAPL" if self._packages else f"estimate ({WATTS_PER_CORE:g} W per busy core)"
        self.source = f"NVML + {processor}" if self._gpu else processor

    def joules(self) -> float:
        """Joules since the meter was made."""
        gpu = self._gpu_joules() - self._start_gpu
        if not self._packages:
            return gpu + (self._cpu_seconds() - self._start_cpu) * WATTS_PER_CORE
        for i, package in enumerate(self._packages if self._counts else ()):
            now = _number(package / "energy_uj")
            self._rapl_total += ((now - self._before[i]) % (self._ranges[i] + 1)) / 1e6
            self._before[i] = now
        return gpu + self._rapl_total

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _gpu_joules(self) -> float:
        if self._gpu is None:
            return 0.0
        nvml, handle = self._gpu
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def _gpu_handle(device: torch.device) -> tuple[Any, Any] | None:
    """NVML and its handle of a CUDA device, or ``None`` where its energy cannot be read."""
    if device.type != "cuda":
        return None
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:
        # A missing library, driver or counter costs the measurement only.
        return None
    return nvml, handle


def _rapl_packages() -> list[Path]:
    """The counters of whole processors that this user may read."""
    try:
        found = sorted(p for p in _RAPL.glob("intel-rapl:*") if p.name.count(":") == 1)
        for package in found:
            _number(package / "energy_uj")
            _number(package / "max_energy_range_uj")
    except (OSError, ValueError):
        return []
    return found


def _number(path: Path) -> int:
    return int(path.read_text())
