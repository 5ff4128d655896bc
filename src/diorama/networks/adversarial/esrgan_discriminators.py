"""The discriminators of ESRGAN and of Real-ESRGAN.

Reference: Ledig et al. 2017, arXiv 1609.04802, figure 4, and Wang et al. 2018, arXiv 1809.00219, section 3.2 (in the
style of VGG, trained with relativistic logits); Wang, Xie, Dong, Shan 2021, arXiv 2107.10833, figure 6 (a U-Net that
judges every pixel). Sizes are those of the authors' code, whose checkpoints ``interop.basicsr`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig
from diorama.networks.adversarial.picture import UNIT_SPAN
from diorama.nn.convolution import Conv2d
from diorama.nn.stored_spectral import StoredSpectralConv2d

_SLOPE = 0.2
_HIDDEN = 100
"""Features before the logit of the discriminator in the style of VGG."""
WIDEST = 8
"""How many times wider than its first map its widest is."""
LEVELS = {128: 5, 256: 6}
"""How often pictures of a side are halved, which leaves 4 pixels."""


@dataclass(frozen=True, kw_only=True)
class VGGDiscriminatorConfig(DiscriminatorConfig):
    """One logit for a picture of a fixed size in [0, 1].

    Args:
        channels: of the pictures.
        features: width of the first map; it doubles at each level up to eight times.
        side: of the pictures, in pixels.
    """

    span: ClassVar[tuple[float, float]] = UNIT_SPAN

    channels: int = 3
    features: int = 64
    side: Literal[128, 256] = 128

    def __post_init__(self) -> None:
        _check_positive(self.channels, self.features)

    def build(self) -> VGGDiscriminator:
        """A freshly initialised discriminator."""
        return VGGDiscriminator(self)


@dataclass(frozen=True, kw_only=True)
class UNetDiscriminatorConfig(DiscriminatorConfig):
    """One logit for every pixel of a picture in [0, 1].

    Args:
        channels: of the pictures.
        features: width of the first map; each of three smaller ones is twice as wide.
        skips: maps of the way down are added on the way up, for which sides must be multiples of eight.
    """

    span: ClassVar[tuple[float, float]] = UNIT_SPAN

    channels: int = 3
    features: int = 64
    skips: bool = True

    def __post_init__(self) -> None:
        _check_positive(self.channels, self.features)

    def build(self) -> UNetDiscriminator:
        """A freshly initialised discriminator."""
        return UNetDiscriminator(self)


def _check_positive(channels: int, features: int) -> None:
    if min(channels, features) < 1:
        raise ValueError(f"channels and features must be at least 1, got {channels} and {features}")


class _Level(nn.Module):
    """Two convolutions, the second of which halves the side; pixels themselves are not normalised."""

    def __init__(self, inputs: int, outputs: int, *, first: bool) -> None:
        super().__init__()
        self.conv0 = Conv2d(inputs, outputs, 3, padding=1, bias=first)
        self.norm0 = nn.Identity() if first else nn.BatchNorm2d(outputs)
        self.conv1 = Conv2d(outputs, outputs, 4, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm0(self.conv0(x)), _SLOPE)
        return F.leaky_relu(self.norm1(self.conv1(x)), _SLOPE)


class VGGDiscriminator(nn.Module):
    """Pictures in [0, 1] to logits, positive where a picture looks real. See :class:`VGGDiscriminatorConfig`."""

    def __init__(self, config: VGGDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.features * min(1 << level, WIDEST) for level in range(LEVELS[config.side])]
        self.levels = nn.Sequential(
            *(_Level(before, width, first=level == 0)
              for level, (before, width) in enumerate(zip([config.channels, *widths], widths, strict=False)))
        )  # fmt: skip
        self.hidden = nn.Linear(widths[-1] * 4 * 4, _HIDDEN)
        self.logit = nn.Linear(_HIDDEN, 1)

    def forward(self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture. The condition is not read.

        Raises:
            ValueError: the pictures are of another size.
        """
        side = self.config.side
        if tuple(picture.shape[2:]) != (side, side):
            raise ValueError(f"this discriminator judges {side} x {side} pixels, got {tuple(picture.shape[2:])}")
        x = self.levels(picture).flatten(1)
        return self.logit(F.leaky_relu(self.hidden(x), _SLOPE)).flatten()


class UNetDiscriminator(nn.Module):
    """Pictures in [0, 1] to a map of logits, positive where a pixel looks real. See
    :class:`UNetDiscriminatorConfig`."""

    def __init__(self, config: UNetDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.features
        self.first = Conv2d(config.channels, width, 3, padding=1)
        self.down = nn.ModuleList(StoredSpectralConv2d(width << i, width << i + 1, 4, stride=2) for i in range(3))
        self.up = nn.ModuleList(StoredSpectralConv2d(width << i + 1, width << i, 3) for i in reversed(range(3)))
        self.late = nn.ModuleList(StoredSpectralConv2d(width, width, 3) for _ in range(2))
        self.last = Conv2d(width, 1, 3, padding=1)

    def forward(
        self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b 1 h w"]:
        """One logit for every pixel. The condition is not read.

        Raises:
            ValueError: the sides are no multiples of eight, and maps are to be added.
        """
        height, width = picture.shape[2:]
        if self.config.skips and (height % 8 or width % 8):
            raise ValueError(f"sides must be multiples of 8 for the maps to meet again, got {height} x {width}")
        x = F.leaky_relu(self.first(picture), _SLOPE)
        maps = []
        for conv in self.down:
            maps.append(x)
            x = F.leaky_relu(conv(x), _SLOPE)
        for conv in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.leaky_relu(conv(x), _SLOPE)
            if self.config.skips:
                x = x + maps.pop()
        for conv in self.late:
            x = F.leaky_relu(conv(x), _SLOPE)
        return self.last(x)
