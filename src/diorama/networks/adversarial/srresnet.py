"""SRResNet without batch norm: the generator of SRGAN as ESRGAN's authors train it.

Reference: Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR
2017, arXiv 1609.04802, figure 4; the modified network is MSRResNet of the BasicSR code, whose checkpoints
``interop.basicsr`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.picture import UNIT_SPAN, PictureNetworkConfig, check_base, check_sizes
from diorama.nn.initialize import scaled_he_normal

_SLOPE = 0.1
STAGES = {1: (), 2: (2,), 3: (3,), 4: (2, 2)}
"""The enlargements of each factor."""


@dataclass(frozen=True, kw_only=True)
class SRResNetConfig(PictureNetworkConfig):
    """The generator.

    Args:
        inputs: channels of small pictures: those of large ones, or 1.
        outputs: channels of large ones.
        features: width.
        blocks: of two convolutions each.
        factor: of the enlargement.
    """

    span = UNIT_SPAN

    inputs: int = 3
    outputs: int = 3
    features: int = 64
    blocks: int = 16
    factor: Literal[1, 2, 3, 4] = 4

    def __post_init__(self) -> None:
        check_sizes(self, "features", "blocks")
        check_base(self)

    @property
    def scale(self) -> int:
        """The factor."""
        return self.factor

    @property
    def reach(self) -> int:
        """Every convolution on small pictures one pixel, and those behind them together less than three."""
        return 2 * self.blocks + 2 + 3

    def build(self) -> SRResNet:
        """A freshly initialised network."""
        return SRResNet(self)


class _Block(nn.Module):
    """A residual of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class _Stage(nn.Module):
    """Channels laid side by side as pixels."""

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv2d(width, width * factor**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(F.pixel_shuffle(self.conv(x), self.factor), _SLOPE)


class SRResNet(nn.Module):
    """Pictures in [0, 1] to pictures ``scale`` times as large. See :class:`SRResNetConfig`."""

    def __init__(self, config: SRResNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.features
        self.first = nn.Conv2d(config.inputs, width, 3, padding=1)
        self.body = nn.Sequential(*(_Block(width) for _ in range(config.blocks)))
        self.stages = nn.Sequential(*(_Stage(width, factor) for factor in STAGES[config.factor]))
        self.high = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, config.outputs, 3, padding=1)
        scaled_he_normal(self, 0.1)

    def forward(
        self, picture: Float[Tensor, "b i h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b o sh sw"]:
        """Enlarged pictures, which may leave [0, 1]: what the network adds to a bilinear enlargement. The condition is
        not read."""
        x = self.body(F.leaky_relu(self.first(picture), _SLOPE))
        x = self.last(F.leaky_relu(self.high(self.stages(x)), _SLOPE))
        return x + F.interpolate(
            picture, scale_factor=float(self.config.factor), mode="bilinear", align_corners=False
        )  # fmt: skip
