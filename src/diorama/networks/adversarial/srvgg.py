"""SRVGGNetCompact: Real-ESRGAN's small generator, a plain row of convolutions on the small picture.

Reference: Wang, Xie, Dong, Shan, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
2021, arXiv 2107.10833; the network is that of the authors' code, whose checkpoints ``interop.basicsr`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.picture import UNIT_SPAN, PictureNetworkConfig, check_base, check_sizes

Activation = Literal["prelu", "relu", "leaky_relu"]


@dataclass(frozen=True, kw_only=True)
class SRVGGNetConfig(PictureNetworkConfig):
    """The generator.

    Args:
        inputs: channels of small pictures: those of large ones, or 1.
        outputs: channels of large ones.
        features: width.
        convolutions: between the first and the last.
        factor: of the enlargement, at the end and in one step.
        activation: ``prelu`` learns a slope for each channel; that of ``leaky_relu`` is 0.1.
    """

    span = UNIT_SPAN

    inputs: int = 3
    outputs: int = 3
    features: int = 64
    convolutions: int = 16
    factor: int = 4
    activation: Activation = "prelu"

    def __post_init__(self) -> None:
        check_sizes(self, "features", "factor")
        check_base(self)
        if self.convolutions < 0:
            raise ValueError(f"convolutions must be at least 0, got {self.convolutions}")

    @property
    def scale(self) -> int:
        """The factor."""
        return self.factor

    @property
    def reach(self) -> int:
        """Every convolution one pixel."""
        return self.convolutions + 2

    def build(self) -> SRVGGNet:
        """A freshly initialised network."""
        return SRVGGNet(self)


class SRVGGNet(nn.Module):
    """Pictures in [0, 1] to pictures ``scale`` times as large. See :class:`SRVGGNetConfig`."""

    def __init__(self, config: SRVGGNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.features
        body: list[nn.Module] = []
        for number in range(config.convolutions + 1):
            body += [nn.Conv2d(config.inputs if number == 0 else width, width, 3, padding=1), _activation(config)]
        self.body = nn.Sequential(*body, nn.Conv2d(width, config.outputs * config.factor**2, 3, padding=1))

    def forward(
        self, picture: Float[Tensor, "b i h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b o sh sw"]:
        """Enlarged pictures, which may leave [0, 1]: what the network adds to repeated pixels. The condition is not
        read."""
        base = F.interpolate(picture, scale_factor=float(self.config.factor), mode="nearest")
        return F.pixel_shuffle(self.body(picture), self.config.factor) + base


def _activation(config: SRVGGNetConfig) -> nn.Module:
    if config.activation == "prelu":
        return nn.PReLU(config.features)
    return nn.ReLU() if config.activation == "relu" else nn.LeakyReLU(0.1)
