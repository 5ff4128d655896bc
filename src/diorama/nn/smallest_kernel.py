"""The smallest kernel, to see whether Triton can build any."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


@triton.jit
def _smallest_kernel(x):
    tl.store(x, 1.0)


def build() -> None:
    """Build and run it: raises where Triton finds no compiler, or no device that it knows."""
    _smallest_kernel[(1,)](torch.empty(1, device="cuda"))
