"""What a discriminator's logits have been of late, on either side.

Reference: Tseng, Jiang, Liu, Yang, Yang 2021, arXiv 2104.03310, section 3.2 (moving averages, with a decay of 0.99).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diorama.core import distributed

_DECAY = 0.99


class LogitLevels(nn.Module):
    """Moving averages of the mean logits: plain means at first, until they are of as many batches as the decay spans.

    They lie in buffers, which change in place, and so are saved, and may be followed in a recorded turn.
    """

    real: Tensor
    fake: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("real", "fake", "count"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def follow(self, real: Tensor, fake: Tensor) -> None:
        """Move towards the mean logits of a batch."""
        share = (1 / (self.count + 1)).clamp(min=1 - _DECAY)
        self.real.lerp_(real.float().mean(), share)
        self.fake.lerp_(fake.float().mean(), share)
        self.count.add_(1)

    def share(self) -> None:
        """Every process has seen batches of its own; all keep their mean."""
        for level in (self.real, self.fake):
            level.copy_(distributed.mean(level))
