"""Whether other work leaves a CPU's cores to us."""

from __future__ import annotations

import psutil
import torch

_LOOK = 0.3
_BUSY = 0.3
"""Others may take this share of a core before our threads are held up noticeably."""


def busy_cores(seconds: float = _LOOK) -> float:
    """How many cores are at work while this process sleeps for so many seconds."""
    return psutil.cpu_percent(interval=seconds) / 100 * (psutil.cpu_count() or 1)


def advice_on_threads(device: torch.device) -> str:
    """What to do where cores that our threads would use are busy with other work; empty where none are.

    Threads share every operation out evenly and wait for the slowest, so one busy core holds up all of them: with two
    threads on two cores, one of them busy, a training was seen to be five times slower than with one thread.
    """
    threads, cores = torch.get_num_threads(), psutil.cpu_count() or 1
    if device.type != "cpu" or threads < 2:
        return ""
    busy = busy_cores()
    free = cores - busy
    if free >= threads - _BUSY:
        return ""
    return (
        f"other work keeps {busy:.1f} of {cores} cores busy, and {threads} threads would wait for one another: "
        f"OMP_NUM_THREADS={max(1, int(free + _BUSY))} in front of the command is faster while that lasts"
    )
