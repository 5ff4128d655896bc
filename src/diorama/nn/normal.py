"""Gaussian noise for networks that add much of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_WORTH_A_GENERATOR = 10_000


def normal_like(x: Tensor) -> Tensor:
    """Independent standard normal numbers of the shape, type and device of ``x``, drawn by PyTorch's seed.

    PyTorch draws normal numbers on a CPU one after another, at some 80 ns each, which was a third of a training step
    of a small MoCoGAN. There a seed is drawn from PyTorch and the numbers come from NumPy, ten times as fast: so they
    follow ``torch.manual_seed``, and a resumed run draws the same ones.
    """
    if x.device.type != "cpu" or x.numel() < _WORTH_A_GENERATOR:
        return torch.randn_like(x)
    seed = int(torch.randint(2**63 - 1, ()))
    drawn = np.random.Generator(np.random.SFC64(seed)).standard_normal(x.numel(), dtype=np.float32)
    return torch.from_numpy(drawn).reshape(x.shape).to(x.dtype)
