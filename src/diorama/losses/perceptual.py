"""How far pictures are apart in the eyes of a network."""

from __future__ import annotations

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32

_LEAST = 1e-6


def calibrated(first: Tensor, second: Tensor) -> Float[Tensor, ""]:
    """Negative log-likelihood of one map given another, in nats for each value, up to a constant.

    The likelihood is normal with the variance that fits best, which is the mean squared difference: so maps of any
    scale weigh alike, and no weight has to be set for each.

    Args:
        first: maps of a batch, of any shape.
        second: of the same shape.

    Returns:
        Half the log of the mean squared difference.

    Reference: Rybkin, Daniilidis, Levine 2021, arXiv 2006.13202, section 3.2 (optimal variance); on feature maps:
    Hou et al. 2017, arXiv 1610.00291.
    """
    difference = at_least_float32(first) - at_least_float32(second)
    return 0.5 * torch.log(difference.square().mean() + _LEAST)


class Features(Protocol):
    """A network that tells maps of pictures (b, c, h, w), one for each depth."""

    def maps(self, images: Tensor) -> list[Tensor]: ...


def calibrated_maps(network: Features, first: Tensor, second: Tensor) -> Float[Tensor, ""]:
    """:func:`calibrated` of the maps of every depth, summed.

    Args:
        network: what looks.
        first: pictures, through which the gradient goes.
        second: as many, which are taken as they are.
    """
    with torch.no_grad():
        wanted = network.maps(second)
    pairs = zip(network.maps(first), wanted, strict=True)
    return torch.stack([calibrated(ours, theirs) for ours, theirs in pairs]).sum()


def maps_apart(network: Features, first: Tensor, second: Tensor) -> Float[Tensor, ""]:
    """The mean absolute difference of the maps of every depth, summed.

    Args:
        network: what looks.
        first: pictures, through which the gradient goes.
        second: as many, which are taken as they are.

    Reference: Wang et al. 2018, arXiv 1809.00219, section 3.3 (its one map is VGG19's conv5_4, before activation).
    """
    with torch.no_grad():
        wanted = network.maps(second)
    pairs = zip(network.maps(first), wanted, strict=True)
    differences = [(at_least_float32(ours) - at_least_float32(theirs)).abs().mean() for ours, theirs in pairs]
    return torch.stack(differences).sum()


class Distance(Protocol):
    """A network that tells how far pictures (b, c, h, w) are apart, (b,)."""

    def __call__(self, first: Tensor, second: Tensor) -> Tensor: ...


def perceived_distance(network: Distance, first: Tensor, second: Tensor) -> Float[Tensor, ""]:
    """The mean distance of pairs as a network tells it: of :class:`~diorama.networks.features.lpips.LPIPS`, the loss of
    Zhang et al. 2018, arXiv 1801.03924.

    Args:
        network: what looks.
        first: pictures.
        second: as many; gradients go through both.
    """
    return at_least_float32(network(first, second)).mean()
