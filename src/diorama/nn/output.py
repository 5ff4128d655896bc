"""The last layer of a network whose predictions are summed over many steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OutputConv2d(nn.Conv2d):
    """A 2D convolution that autocast leaves in float32 when the network draws; in training it is like any other.

    Rounding its bias and its weights shifts every prediction by the same amount. A sampler adds such a shift up over
    its steps, so that the colours of all pictures move alike; rounding errors of single features mostly cancel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h', w'), float32 in evaluation mode."""
        if self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))
