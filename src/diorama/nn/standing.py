"""Standing statistics: those of batch norm, taken anew over what a network is to draw.

The moving averages that training leaves are those of weights that have moved on since, and an average of weights never
saw a batch at all. Statistics over many batches make a sample independent of those beside it.

Reference: Brock, Donahue, Simonyan 2019, arXiv 1809.11096, appendix A ("standing statistics").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from diorama.nn.class_norm import BatchStatistics


def batch_norms(network: nn.Module) -> list[BatchStatistics | _BatchNorm]:
    """The layers of a network that keep statistics of batches."""
    return [m for m in network.modules() if isinstance(m, (BatchStatistics, _BatchNorm))]


@torch.no_grad()
def take_standing_statistics(network: nn.Module, batches: Iterable[Callable[[], Tensor]]) -> None:
    """Put the mean of each batch's statistics in place of those that a network has, all batches counting alike.

    Its other layers stay as they are: nothing is dropped out, and no singular vector moves.

    Args:
        network: in evaluation mode.
        batches: each calls the network once.
    """
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.training = True
        for number, call in enumerate(batches, start=1):
            for norm in norms:
                norm.momentum = 1 / number
            call()
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.training, norm.momentum = False, momentum
