"""CycleGAN's generator: a picture is halved twice, changed by residual blocks and enlarged again.

Reference: Zhu, Park, Isola, Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
ICCV 2017, arXiv 1703.10593, section 4 and appendix 7.2; the layers are those of Johnson, Alahi, Fei-Fei 2016, arXiv
1603.08155. Which convolutions have biases, paddings and dropout follow the authors' PyTorch code, whose checkpoints
``interop.cyclegan_generators`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.patchgan import Norm, norm_of
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.nn.initialize import dcgan_normal

Padding = Literal["reflect", "replicate", "zero"]
_DROPPED = 0.5


@dataclass(frozen=True)
class ResnetLayers:
    """How the layers of such a network are made; they say the same of pix2pixHD's.

    Args:
        norm: behind every convolution but the last.
        padding: of the residual blocks' convolutions; the first and the last convolution always reflect.
        dropout: half of the values inside residual blocks are dropped in training.
        biases: whether convolutions that a norm follows have them.
    """

    norm: Norm
    padding: Padding
    dropout: bool
    biases: bool


@dataclass(frozen=True, kw_only=True)
class CycleGANGeneratorConfig(PictureNetworkConfig):
    """The generator.

    Args:
        inputs: channels of the pictures that are given.
        outputs: channels of the pictures that are drawn.
        width: of the first map; each of two halvings doubles it.
        blocks: residual blocks: 6 for pictures of 128 pixels, 9 for larger ones.
        norm: as of :class:`ResnetLayers`.
        padding: as of :class:`ResnetLayers`.
        dropout: as of :class:`ResnetLayers`.
    """

    inputs: int = 3
    outputs: int = 3
    width: int = 64
    blocks: int = 9
    norm: Norm = "instance"
    padding: Padding = "reflect"
    dropout: bool = False

    def __post_init__(self) -> None:
        check_counts(self.blocks, self.inputs, self.outputs, self.width)

    @property
    def layers(self) -> ResnetLayers:
        """Convolutions before batch norm have no biases, and neither have those that no norm follows."""
        return ResnetLayers(self.norm, self.padding, self.dropout, biases=self.norm == "instance")

    @property
    def halvings(self) -> int:
        """How often the picture is halved."""
        return 2

    @property
    def multiple(self) -> int:
        """Of four pixels."""
        return 1 << self.halvings

    @property
    def least(self) -> int:
        """See :func:`least_side`."""
        return least_side(self.halvings)

    def build(self) -> ResnetTranslator:
        """A freshly initialised generator."""
        body = ResnetBody((self.inputs, self.width), self.halvings, self.blocks, self.layers)
        return ResnetTranslator(body, self.outputs)


def check_counts(blocks: int, *counts: int) -> None:
    """Refuse widths and channels below one and a negative number of blocks.

    Raises:
        ValueError: one of them.
    """
    if min(counts) < 1 or blocks < 0:
        raise ValueError(f"inputs, outputs and width must be at least 1, blocks at least 0, got {counts}, {blocks}")


def least_side(halvings: int) -> int:
    """The smallest side of a picture of which every layer can reflect as much as it needs.

    The first layer reflects three pixels, so it needs four; residual blocks reflect one, so they need two.
    """
    return max(4, 2 << halvings)


class ConvNormReLU(nn.Module):
    """A convolution of either kind, its norm, ReLU."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm_of(norm, conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 with norms, added to what they are given: (b, c, h, w) -> the same shape."""

    def __init__(self, channels: int, layers: ResnetLayers) -> None:
        super().__init__()
        mode = "zeros" if layers.padding == "zero" else layers.padding
        self.first, self.second = (
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode=mode, bias=layers.biases) for _ in range(2)
        )
        self.first_norm, self.second_norm = (norm_of(layers.norm, channels) for _ in range(2))
        self.dropped = _DROPPED if layers.dropout else 0.0

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.first_norm(self.first(x)))
        h = F.dropout(h, self.dropped, self.training)
        return x + self.second_norm(self.second(h))


def first_layer(channels: int, width: int, layers: ResnetLayers) -> ConvNormReLU:
    """From pictures to maps of the same size."""
    return ConvNormReLU(
        nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect", bias=layers.biases), layers.norm
    )


def halving(width: int, layers: ResnetLayers) -> ConvNormReLU:
    """To half the size and twice the width."""
    return ConvNormReLU(nn.Conv2d(width, 2 * width, 3, 2, 1, bias=layers.biases), layers.norm)


def doubling(width: int, layers: ResnetLayers) -> ConvNormReLU:
    """From twice the width, to twice the size."""
    conv = nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1, bias=layers.biases)
    return ConvNormReLU(conv, layers.norm)


def last_layer(width: int, outputs: int) -> nn.Conv2d:
    """From maps to pictures of the same size, before tanh."""
    return nn.Conv2d(width, outputs, 7, padding=3, padding_mode="reflect")


class ResnetBody(nn.Module):
    """All layers but the last: pictures (b, c, h, w) to maps (b, width, h, w).

    Args:
        channels: of the pictures, and width of the first map.
        halvings: how often the picture is halved.
        blocks: residual blocks at the smallest size.
        layers: how they are made.
    """

    def __init__(self, channels: tuple[int, int], halvings: int, blocks: int, layers: ResnetLayers) -> None:
        super().__init__()
        width = channels[1]
        self.first = first_layer(*channels, layers)
        self.downs = nn.ModuleList([halving(width << step, layers) for step in range(halvings)])
        self.blocks = nn.ModuleList([ResidualBlock(width << halvings, layers) for _ in range(blocks)])
        self.ups = nn.ModuleList([doubling(width << step, layers) for step in reversed(range(halvings))])

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for part in (*self.downs, *self.blocks, *self.ups):
            x = part(x)
        return x


class ResnetTranslator(nn.Module):
    """Pictures to pictures. See :class:`CycleGANGeneratorConfig`."""

    def __init__(self, body: ResnetBody, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = last_layer(body.first.conv.out_channels, outputs)
        dcgan_normal(self)

    def forward(
        self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b outputs h w"]:
        """Draw what each picture becomes, in [-1, 1]. The condition is not read."""
        return self.head(self.body(picture)).tanh()
