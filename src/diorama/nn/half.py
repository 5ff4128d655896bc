"""Blocks that choose half precision themselves, whatever the rest of a network is computed in.

Some published networks compute their finest blocks in float16 and limit what these hand on, also in losses that
differentiate twice. Whether that is wanted, and whether the device has it, is the run's to say: training and drawing
do so by :func:`half_blocks`, and a block computes inside :func:`own_precision`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_HALF: ContextVar[torch.dtype | None] = ContextVar("half", default=None)


@contextmanager
def half_blocks(dtype: torch.dtype | None) -> Iterator[None]:
    """Inside the block such blocks compute in this type; ``None`` for float32.

    It holds for what is called in this thread (or task); what autograd calls later has the types that are found here.
    """
    token = _HALF.set(dtype)
    try:
        yield
    finally:
        _HALF.reset(token)


@contextmanager
def own_precision(device: torch.device, *, half: bool) -> Iterator[torch.dtype]:
    """Inside the block autocast is off, and the type that features and weights are to be brought to is handed over.

    Compiled networks know of no such choice and compute in float32.

    Args:
        device: of the features.
        half: the network says that this block may be computed in half precision, and limits what it hands on.
    """
    wanted = None if torch.compiler.is_compiling() or not half else _HALF.get()
    with torch.autocast(device.type, enabled=False):
        yield wanted or torch.float32
