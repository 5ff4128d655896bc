"""LPIPS: how far two pictures look apart, by the maps of a classifier under weights that people's judgements set.

Reference: R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness of deep features as a
perceptual metric", CVPR 2018, arXiv:1801.03924, equation 1; version 0.1 of the authors' weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.networks.features.alexnet import alexnet
from diorama.networks.features.squeezenet import squeezenet
from diorama.networks.features.trunk import Trunk
from diorama.networks.features.vgg import vgg16

TrunkName = Literal["alex", "vgg", "squeeze"]
TRUNKS: Mapping[TrunkName, Callable[[], Trunk]] = {"alex": alexnet, "vgg": vgg16, "squeeze": squeezenet}

_LEAST_NORM = 1e-10
"""Added to the length of the features of a place, and not under its root, as the authors' program does."""


@dataclass(frozen=True, kw_only=True)
class LPIPSConfig:
    """A distance of pictures.

    Args:
        trunk: which classifier looks: AlexNet, VGG of 16 layers or SqueezeNet 1.1.
        learned: weigh channels by the learned heads; without them all count 1 (the baseline of the paper's table 5).
    """

    trunk: TrunkName = "alex"
    learned: bool = True

    def build(self) -> LPIPS:
        """The network, freshly initialised."""
        return LPIPS(self)


class LPIPS(nn.Module):
    """Pairs of pictures to distances, 0 for equal ones. See :class:`LPIPSConfig`."""

    def __init__(self, config: LPIPSConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = TRUNKS[config.trunk]()
        widths = self.trunk.widths if config.learned else ()
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in widths)

    @property
    def least(self) -> int:
        """Shortest side of a picture, in pixels."""
        return self.trunk.least

    def forward(self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        """The distance of each picture from that of the same place.

        Args:
            first: (b, c, h, w) in [-1, 1], of 1 or 3 channels.
            second: as many, of the same shape.

        Raises:
            ValueError: the shapes differ, or the trunk cannot see such pictures.
        """
        return self.layers(first, second).sum(1)

    def layers(self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, "b l"]:
        """What each depth adds to the distance, (b, depths)."""
        return torch.cat([apart.mean((2, 3)) for apart in self._apart(first, second)], 1)

    def spatial(self, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        """The distance at each place: the maps of all depths, enlarged to the pictures' size and summed."""
        size = first.shape[2:]
        larger = [F.interpolate(x, size, mode="bilinear", align_corners=False) for x in self._apart(first, second)]
        return torch.stack(larger).sum(0)

    def _apart(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Of each depth, (b, 1, h, w) weighted squared differences."""
        if first.shape != second.shape:
            raise ValueError(f"pictures of one shape are compared, got {tuple(first.shape)} and {tuple(second.shape)}")
        both = zip(self.trunk.maps(first), self.trunk.maps(second), strict=True)
        squares = [(_of_length_one(one) - _of_length_one(other)).square() for one, other in both]
        if not self.config.learned:
            return [square.sum(1, keepdim=True) for square in squares]
        return [head(square) for head, square in zip(self.heads, squares, strict=True)]


def _of_length_one(maps: Tensor) -> Tensor:
    # The root's slope is endless where all features of a place are zero, as they are in the dark: a floor that float32
    # cannot tell beside any other length keeps gradients finite.
    length = (maps.square().sum(1, keepdim=True) + 1e-30).sqrt()
    return maps / (length + _LEAST_NORM)
