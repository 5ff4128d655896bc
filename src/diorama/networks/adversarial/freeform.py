"""Inpainting with gated convolutions: a generator of two stages, and SN-PatchGAN.

Reference: Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", ICCV 2019, arXiv
1806.03589, sections 3.1 to 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.config import LATER
from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig
from diorama.networks.adversarial.picture import PictureNetworkConfig, check_sizes
from diorama.nn.contextual_attention import contextual_attention
from diorama.nn.spectral import PowerIteration, SpectralConv2d

_DILATIONS = (2, 4, 8, 16)
_JOINED = 10
"""Layers of a stage behind which its other branch joins it."""
_MOST = 4
"""How many times as wide as the discriminator's first map others are at most."""


@dataclass(frozen=True, kw_only=True)
class FreeFormGeneratorConfig(PictureNetworkConfig):
    """A coarse stage fills the holes of a picture, and a fine one draws them anew.

    What it is given are pictures in [-1, 1] with 0 in their holes, and behind their channels the mask, 1 in the holes.

    Args:
        inputs: channels of the pictures, and one more for the mask.
        outputs: channels of the pictures.
        width: of the first map, an even number; 24 in the paper's program.
        attention: the fine stage has a second branch, which fills holes by known patches elsewhere.
    """

    inputs: int = 4
    outputs: int = 3
    width: int = 24
    attention: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_sizes(self, "width")
        if self.inputs != self.outputs + 1:
            raise ValueError(f"inputs: pictures of {self.outputs} channels and a mask are given, got {self.inputs}")
        if self.width % 2:
            raise ValueError(f"width must be even, got {self.width}")

    @property
    def multiple(self) -> int:
        """The stages halve pictures twice, and attention compares maps of half of that."""
        return 8 if self.attention else 4

    def build(self) -> FreeFormGenerator:
        """A freshly initialised generator."""
        return FreeFormGenerator(self)


@dataclass(frozen=True, kw_only=True)
class SNPatchDiscriminatorConfig(DiscriminatorConfig):
    """Spectrally normalised convolutions of 5 x 5 that halve the map; every value of the last one is a logit.

    Args:
        channels: of the pictures, and one more for the mask.
        width: of the first map; the second is twice, all others are four times as wide.
        layers: convolutions; 6 in the paper, for 256 pixels.
    """

    channels: int = 4
    width: int = 64
    layers: int = 6

    def __post_init__(self) -> None:
        if min(self.channels, self.width, self.layers) < 1:
            raise ValueError(f"channels, width and layers must be at least 1, got {self}")

    def build(self) -> SNPatchDiscriminator:
        """A freshly initialised discriminator."""
        return SNPatchDiscriminator(self)


class GatedConv2d(nn.Module):
    """A convolution whose values are weighted, each by a gate of its own that a second convolution opens.

    Reference: arXiv 1806.03589, equation 3, with ELU.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel, odd.
        stride: pixels from one place to the next.
        dilation: pixels between the kernel's values.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 2 * outputs, kernel, stride, dilation * (kernel // 2), dilation)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o oh ow"]:
        """Gated maps."""
        features, gates = self.conv(x).chunk(2, dim=1)
        return F.elu(features) * gates.sigmoid()


class _Stage(nn.Module):
    """Pictures to pictures by way of maps of a quarter of the size.

    Args:
        widths: of the six maps down to the smallest size.
        attention: a second branch joins the maps of the smallest size.
    """

    def __init__(
        self, inputs: int, outputs: int, widths: tuple[int, int, int, int, int, int], *, attention: bool = False
    ) -> None:
        super().__init__()
        first, second, third, fourth, fifth, most = widths
        self.attended = _Attended(inputs, first, most) if attention else None
        self.layers = nn.Sequential(
            GatedConv2d(inputs, first, 5),
            GatedConv2d(first, second, stride=2),
            GatedConv2d(second, third),
            GatedConv2d(third, fourth, stride=2),
            GatedConv2d(fourth, fifth),
            GatedConv2d(fifth, most),
            *(GatedConv2d(most, most, dilation=dilation) for dilation in _DILATIONS),
            GatedConv2d(2 * most if attention else most, most),
            GatedConv2d(most, most),
            nn.Upsample(scale_factor=2),
            GatedConv2d(most, most // 2),
            GatedConv2d(most // 2, most // 2),
            nn.Upsample(scale_factor=2),
            GatedConv2d(most // 2, first),
            GatedConv2d(first, first // 2),
            nn.Conv2d(first // 2, outputs, 3, padding=1),
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        maps: Tensor = self.layers[:_JOINED](x)
        if self.attended is not None:
            maps = torch.cat([maps, self.attended(x)], dim=1)
        drawn: Tensor = self.layers[_JOINED:](maps)
        return drawn.tanh()


class _Attended(nn.Module):
    """Pictures, with the mask as their last channel, to maps of a quarter of the size whose patches are known ones.

    Reference: arXiv 1806.03589, figure 3; widths as in the authors' program.
    """

    def __init__(self, inputs: int, first: int, most: int) -> None:
        super().__init__()
        self.before = nn.Sequential(
            GatedConv2d(inputs, first, 5),
            GatedConv2d(first, first, stride=2),
            GatedConv2d(first, 2 * first),
            GatedConv2d(2 * first, most, stride=2),
            GatedConv2d(most, most),
            GatedConv2d(most, most),
        )
        self.behind = nn.Sequential(GatedConv2d(most, most), GatedConv2d(most, most))

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h/4 w/4"]:
        # A place of the small maps is in a hole where any of its pixels is.
        mask = F.max_pool2d(x[:, -1:], 4)
        maps: Tensor = self.behind(contextual_attention(self.before(x), mask))
        return maps


class FreeFormGenerator(nn.Module):
    """Pictures with holes and their masks to whole pictures. See :class:`FreeFormGeneratorConfig`."""

    def __init__(self, config: FreeFormGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        w, inputs, outputs = config.width, config.inputs, config.outputs
        self.coarse = _Stage(inputs, outputs, (w, 2 * w, 2 * w, 4 * w, 4 * w, 4 * w))
        fine = (w, w, 2 * w, 2 * w, 4 * w, 4 * w)
        self.fine = _Stage(inputs, outputs, fine, attention=config.attention)

    def forward(
        self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b outputs h w"]:
        """What the fine stage draws, in [-1, 1]: of whole pictures, the known parts too. The condition is not read.

        Raises:
            ValueError: height or width is no multiple of four, or with attention of eight.
        """
        return self.stages(picture)[1]

    def stages(self, picture: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
        """What both stages draw, the coarse one first; else as the call."""
        multiple = self.config.multiple
        if picture.shape[2] % multiple or picture.shape[3] % multiple:
            raise ValueError(f"pictures must have sides that are multiples of {multiple}, got {tuple(picture.shape)}")
        known, mask = picture[:, :-1], picture[:, -1:]
        coarse = self.coarse(picture)
        return coarse, self.fine(torch.cat([composed(known, coarse, mask), mask], dim=1))


class SNPatchDiscriminator(nn.Module):
    """Pictures with their masks to maps of logits. See :class:`SNPatchDiscriminatorConfig`."""

    def __init__(self, config: SNPatchDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels, *(config.width * min(1 << layer, _MOST) for layer in range(config.layers))]
        self.layers = nn.ModuleList(
            SpectralConv2d(inputs, outputs, 5, PowerIteration(), stride=2, padding=2)
            for inputs, outputs in pairwise(widths)
        )

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b o ph pw"]:
        """A logit for every channel at every place. The condition is not read."""
        *inner, last = self.layers
        for layer in inner:
            x = F.leaky_relu(layer(x), 0.2)
        logits: Tensor = last(x)
        return logits


def composed(known: Tensor, drawn: Tensor, mask: Tensor) -> Tensor:
    """What is known outside the mask, and what was drawn inside; (b, c, h, w), the mask (b, 1, h, w) of 0 and 1."""
    return known * (1 - mask) + drawn * mask


def with_holes(picture: Tensor, mask: Tensor) -> Tensor:
    """What a generator is given of pictures (b, c, h, w) and masks (b, 1, h, w): (b, c + 1, h, w)."""
    return torch.cat([picture * (1 - mask), mask], dim=1)
