"""Networks that do not begin as zero, as residual ones do."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def randomised(network: Network) -> Network:
    """The network in evaluation mode, every parameter of normal numbers that are the same at every call."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.2)
    return network.eval()
