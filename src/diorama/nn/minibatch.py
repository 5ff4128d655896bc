"""What a discriminator sees of a batch besides its samples one by one."""

from __future__ import annotations

import torch
from torch import Tensor


def with_deviation(x: Tensor, group: int | None = None, channels: int = 1) -> Tensor:
    """Features, and behind them how much they vary among a group of samples: (b, c, h, w) -> (b, c + channels, h, w).

    Sample i belongs to group i mod (b / group).

    Args:
        x: (b, c, h, w).
        group: samples of a group, at most the whole batch; ``None`` for the whole batch.
        channels: parts that the features are split into, of which each has a deviation of its own.

    Raises:
        ValueError: samples or features cannot be shared equally.

    Reference: T. Karras, T. Aila, S. Laine, J. Lehtinen, arXiv:1710.10196, section 3.
    """
    b, c, h, w = x.shape
    size = b if group is None else min(group, b)
    if b % size or c % channels:
        raise ValueError(f"{b} samples of {c} channels cannot be shared among groups of {size}, {channels} parts each")
    parts = x.reshape(size, -1, channels, c // channels, h, w)
    deviation = (parts.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(2, 3, 4))  # (b / size, channels)
    seen = deviation.repeat(size, 1)[:, :, None, None].expand(b, channels, h, w)
    return torch.cat([x, seen.to(x.dtype)], dim=1)
