"""A term beside the loss that keeps a network's features of different samples apart.

The squared error already ties features to their samples, so nothing is asked of pairs that belong together: the term is
a contrastive loss without positive pairs.

Reference: R. Wang, K. He, "Diffuse and disperse: image generation with representation regularization",
arXiv:2506.09027, equation 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from diorama.core.contracts import Loss
from diorama.core.device import at_least_float32
from diorama.core.worded import network_name
from diorama.networks.denoisers.base import DenoiserConfig


@dataclass(frozen=True, kw_only=True)
class DispersiveConfig:
    """The dispersive loss with squared distances.

    The defaults are the paper's, in which all weights from 0.25 to 1 and all temperatures from 0.25 to 2 help.

    Args:
        weight: of the term, beside the mean squared error.
        temperature: of the squared distances, which are means over features.
    """

    weight: float = 0.5
    temperature: float = 0.5

    def __post_init__(self) -> None:
        for name in ("weight", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: must be positive, got {getattr(self, name)}")

    def added(self, loss: Loss, features: Tensor, name: str) -> Loss:
        """A loss with the term added, and both in the log.

        Args:
            loss: without the term.
            features: (b, ...) of the samples that it was taken of.
            name: the loss's in the log, where it names no parts of its own.
        """
        dispersion = dispersive_loss(features, self.temperature)
        parts = loss.scalars or {name: loss.value}
        return Loss(loss.value + self.weight * dispersion, {**parts, "dispersion": dispersion})


DISPERSIONS: Mapping[str, DispersiveConfig] = MappingProxyType({"infonce": DispersiveConfig()})
"""By the word of the command line, which is the paper's name of the variant."""


def check_dispersible(network: DenoiserConfig) -> None:
    """Refuse networks whose features cannot be looked at.

    Raises:
        ValueError: networks of this kind do not give them.
    """
    if not network.gives_features:
        raise ValueError(
            f"dispersion: {network_name(network)} does not give its features; let it be 'none', or take a DDPMUNet, "
            "SongUNet or DhariwalUNet, as the recipes ddpm and edm do"
        )


def dispersive_loss(features: Tensor, temperature: float) -> Tensor:
    """The logarithm of the mean of ``exp(-distance / temperature)`` over all pairs, a sample and itself among them.

    A distance is the mean squared difference of two samples' features: the sum divided by their number, as in the code
    that the authors publish; the paper's equation has the sum.

    Args:
        features: (b, ...), of any type; computed in at least float32.
        temperature: positive.

    Returns:
        Shape (): 0 where all features are alike, also for one sample; ``-log(b)``, the least, where all are far apart.

    Reference: R. Wang, K. He, arXiv:2506.09027, equation 6, with squared distances.
    """
    count = features.shape[0]
    with torch.autocast(features.device.type, enabled=False):
        rows = at_least_float32(features.flatten(1))
        # Distances do not change with the origin, and lose least to rounding where it is in the middle.
        rows = rows - rows.mean(dim=0).detach()
        products = rows @ rows.T / rows.shape[1]
        # Of squares from the same product as all else, a sample is exactly 0 from itself, whatever the product rounds.
        squares = products.diagonal()
        distances = (squares[:, None] + squares[None, :] - 2 * products).clamp(min=0)
        return torch.logsumexp(-distances.flatten() / temperature, dim=0) - 2 * math.log(count)
