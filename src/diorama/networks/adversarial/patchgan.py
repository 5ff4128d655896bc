"""PatchGAN and PixelGAN: discriminators that judge each patch of a picture, or each pixel, by itself.

Reference: Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv
1611.07004, section 3.2.2 and appendix 6.1.2. Paddings, biases and the last stride are those of the authors' PyTorch
code, whose checkpoints ``interop.cyclegan_discriminators`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, Judgement
from diorama.nn.convolution import Conv2d
from diorama.nn.initialize import dcgan_normal

Norm = Literal["batch", "instance", "affine_instance", "none"]
"""Batch norm; instance norm without gains and statistics of its own; instance norm with gains and biases, which is what
batch norm is in batches of one picture; none."""
_MOST = 8
"""How many times as wide as the first map others are at most."""


@dataclass(frozen=True, kw_only=True)
class PatchDiscriminatorConfig(DiscriminatorConfig):
    """Patches that overlap, of 70 x 70 pixels with three layers.

    Args:
        channels: of the pictures.
        width: of the first map.
        layers: strided convolutions; each doubles the width, up to eight times the first one's.
        norm: behind all convolutions but the first and the last.
    """

    channels: int = 3
    width: int = 64
    layers: int = 3
    norm: Norm = "batch"

    def __post_init__(self) -> None:
        if min(self.channels, self.width, self.layers) < 1:
            raise ValueError(f"channels, width and layers must be at least 1, got {self}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the maps, the pictures among them."""
        return (self.channels, *(self.width * min(1 << layer, _MOST) for layer in range(self.layers + 1)))

    @property
    def tells_features(self) -> bool:
        """It tells the maps behind its convolutions."""
        return True

    def build(self) -> PatchDiscriminator:
        """A freshly initialised discriminator."""
        return PatchDiscriminator(self)


@dataclass(frozen=True, kw_only=True)
class PixelDiscriminatorConfig(DiscriminatorConfig):
    """Each pixel by itself.

    Args:
        channels: of the pictures.
        width: of the first map; the second is twice as wide.
        norm: as of :class:`PatchDiscriminatorConfig`.
    """

    channels: int = 3
    width: int = 64
    norm: Norm = "batch"

    def __post_init__(self) -> None:
        if min(self.channels, self.width) < 1:
            raise ValueError(f"channels and width must be at least 1, got {self}")

    def build(self) -> PixelDiscriminator:
        """A freshly initialised discriminator."""
        return PixelDiscriminator(self)


def norm_of(kind: Norm, channels: int) -> nn.Module:
    """The norm of a name."""
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=kind == "affine_instance")


class _Strided(nn.Module):
    """Convolution of 4 x 4, norm, leaky ReLU."""

    def __init__(self, conv: nn.Conv2d, norm: Norm) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm_of(norm, conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(self.norm(self.conv(x)), 0.2)


class PatchStack(nn.Module):
    """The layers of a discriminator of patches, every one but the last two of which halves the map.

    Args:
        widths: channels of the pictures and of every map.
        norm: behind all convolutions but the first and the last.
        padding: of every convolution, in pixels.
        biases: whether convolutions that a norm follows have them.
    """

    def __init__(self, widths: tuple[int, ...], norm: Norm, *, padding: int, biases: bool) -> None:
        super().__init__()
        channels, first, *_ = widths
        self.first = Conv2d(channels, first, 4, 2, padding)
        self.blocks = nn.ModuleList()
        for number, (inputs, outputs) in enumerate(pairwise(widths[1:]), start=1):
            stride = 2 if number < len(widths) - 2 else 1
            self.blocks.append(_Strided(Conv2d(inputs, outputs, 4, stride, padding, bias=biases), norm))
        self.head = Conv2d(widths[-1], 1, 4, 1, padding)
        dcgan_normal(self)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b 1 ph pw"]:
        """One logit for every patch. The condition is not read."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits, and the maps behind every convolution before."""
        features = [leaky_relu(self.first(x), 0.2)]
        for block in self.blocks:
            features.append(block(features[-1]))
        return Judgement(self.head(features[-1]), tuple(features))


class PatchDiscriminator(PatchStack):
    """Pictures to maps of logits. See :class:`PatchDiscriminatorConfig`."""

    def __init__(self, config: PatchDiscriminatorConfig) -> None:
        # Batch norm has biases of its own. The authors' code leaves them out without a norm, too.
        super().__init__(config.widths, config.norm, padding=1, biases=config.norm == "instance")
        self.config = config


class PixelDiscriminator(nn.Module):
    """Pictures to maps of logits of the same size. See :class:`PixelDiscriminatorConfig`."""

    def __init__(self, config: PixelDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        width, bias = config.width, config.norm == "instance"
        self.first = Conv2d(config.channels, width, 1)
        self.second = Conv2d(width, 2 * width, 1, bias=bias)
        self.norm = norm_of(config.norm, 2 * width)
        self.head = Conv2d(2 * width, 1, 1, bias=bias)
        dcgan_normal(self)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b 1 h w"]:
        """One logit for every pixel. The condition is not read."""
        return self.head(leaky_relu(self.norm(self.second(leaky_relu(self.first(x), 0.2))), 0.2))
