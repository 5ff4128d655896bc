"""pix2pixHD: a generator of two or more sizes, and discriminators of several scales that tell their features.

Reference: Wang, Liu, Zhu, Tao, Kautz, Catanzaro, "High-Resolution Image Synthesis and Semantic Manipulation with
Conditional GANs", CVPR 2018, arXiv 1711.11585, sections 3.1 and 3.2, figure 3. Paddings, biases and widths follow the
authors' PyTorch code, whose checkpoints ``interop.pix2pixhd`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, Judgement
from diorama.networks.adversarial.cyclegan import (
    Padding,
    ResidualBlock,
    ResnetBody,
    ResnetLayers,
    ResnetTranslator,
    check_counts,
    doubling,
    first_layer,
    halving,
    last_layer,
    least_side,
)
from diorama.networks.adversarial.patchgan import Norm, PatchStack
from diorama.networks.adversarial.picture import PictureNetworkConfig
from diorama.nn.initialize import dcgan_normal

_WIDEST = 512
"""Of a discriminator's maps."""


@dataclass(frozen=True, kw_only=True)
class GlobalGeneratorConfig(PictureNetworkConfig):
    """The global generator, G1.

    Args:
        inputs: channels of the pictures that are given; a map of labels has one for each class.
        outputs: channels of the pictures that are drawn.
        width: of the first map; each halving doubles it.
        halvings: how often the picture is halved.
        blocks: residual blocks at the smallest size.
        norm: behind every convolution but the last; all have biases.
        padding: of the residual blocks' convolutions.
    """

    inputs: int = 3
    outputs: int = 3
    width: int = 64
    halvings: int = 3
    blocks: int = 9
    norm: Norm = "instance"
    padding: Padding = "reflect"

    def __post_init__(self) -> None:
        check_counts(self.blocks, self.inputs, self.outputs, self.width)
        if self.halvings < 0:
            raise ValueError(f"halvings must be at least 0, got {self.halvings}")

    @property
    def layers(self) -> ResnetLayers:
        """All convolutions have biases, and nothing is dropped."""
        return ResnetLayers(self.norm, self.padding, dropout=False, biases=True)

    @property
    def multiple(self) -> int:
        """Of two pixels for each halving."""
        return 1 << self.halvings

    @property
    def least(self) -> int:
        """See :func:`~diorama.networks.adversarial.cyclegan.least_side`."""
        return least_side(self.halvings)

    def build(self) -> ResnetTranslator:
        """A freshly initialised generator."""
        body = ResnetBody((self.inputs, self.width), self.halvings, self.blocks, self.layers)
        return ResnetTranslator(body, self.outputs)


@dataclass(frozen=True, kw_only=True)
class LocalEnhancerConfig(PictureNetworkConfig):
    """The global generator without its last layer, and local enhancers, G2, each of which doubles its size.

    Args:
        inputs: channels of the pictures that are given.
        outputs: channels of the pictures that are drawn.
        width: of the last enhancer's first map; that of the coarser ones, and of the global generator, doubles.
        enhancers: how many there are.
        local_blocks: residual blocks of each.
        halvings: of the global generator, behind those of the enhancers.
        blocks: residual blocks of the global generator.
        norm: behind every convolution but the last; all have biases.
        padding: of the residual blocks of the enhancers; the global generator's reflect.
    """

    inputs: int = 3
    outputs: int = 3
    width: int = 32
    enhancers: int = 1
    local_blocks: int = 3
    halvings: int = 3
    blocks: int = 9
    norm: Norm = "instance"
    padding: Padding = "reflect"

    def __post_init__(self) -> None:
        check_counts(min(self.blocks, self.local_blocks), self.inputs, self.outputs, self.width, self.enhancers)
        if self.halvings < 0:
            raise ValueError(f"halvings must be at least 0, got {self.halvings}")

    @property
    def multiple(self) -> int:
        """Of two pixels for each halving."""
        return 1 << (self.halvings + self.enhancers)

    @property
    def least(self) -> int:
        """That of the global generator, which is given the picture halved by every enhancer."""
        return least_side(self.halvings) << self.enhancers

    def layers(self, padding: Padding) -> ResnetLayers:
        """All convolutions have biases, and nothing is dropped."""
        return ResnetLayers(self.norm, padding, dropout=False, biases=True)

    def width_of(self, enhancer: int) -> int:
        """Of the first map of an enhancer, the coarsest being number 0."""
        return self.width << (self.enhancers - 1 - enhancer)

    def build(self) -> LocalEnhancer:
        """A freshly initialised generator."""
        return LocalEnhancer(self)


@dataclass(frozen=True, kw_only=True)
class MultiScaleDiscriminatorConfig(DiscriminatorConfig):
    """Discriminators of patches with the same layers and weights of their own, each of which sees half the size.

    Args:
        channels: of the pictures; those of the given and of the drawn picture together, where both are judged.
        width: of the first maps; each convolution doubles it, up to 512.
        layers: strided convolutions of each.
        scales: how many there are.
        norm: behind all convolutions but the first and the last; all have biases.
    """

    channels: int = 6
    width: int = 64
    layers: int = 3
    scales: int = 2
    norm: Norm = "instance"

    def __post_init__(self) -> None:
        if min(self.channels, self.width, self.layers, self.scales) < 1:
            raise ValueError(f"channels, width, layers and scales must be at least 1, got {self}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the maps, the pictures among them."""
        widths = [self.width]
        for _ in range(self.layers):
            widths.append(min(2 * widths[-1], _WIDEST))
        return (self.channels, *widths)

    @property
    def tells_features(self) -> bool:
        """It tells the maps behind its convolutions."""
        return True

    def build(self) -> MultiScaleDiscriminator:
        """A freshly initialised discriminator."""
        return MultiScaleDiscriminator(self)


def halve_inside(x: Tensor) -> Tensor:
    """Means of 3 x 3 pixels around every second one, of those that lie in the picture: (b, c, ⌈h/2⌉, ⌈w/2⌉)."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class _Enhancer(nn.Module):
    """One enhancer: adds what is drawn at half its size to its own halved maps, and enlarges the sum."""

    def __init__(self, config: LocalEnhancerConfig, number: int) -> None:
        super().__init__()
        width, layers = config.width_of(number), config.layers(config.padding)
        self.first = first_layer(config.inputs, width, layers)
        self.down = halving(width, layers)
        self.blocks = nn.ModuleList([ResidualBlock(2 * width, layers) for _ in range(config.local_blocks)])
        self.up = doubling(width, layers)

    def forward(self, picture: Tensor, coarse: Tensor) -> Tensor:
        x = self.down(self.first(picture)) + coarse
        for block in self.blocks:
            x = block(x)
        return self.up(x)


class LocalEnhancer(nn.Module):
    """Pictures to pictures. See :class:`LocalEnhancerConfig`."""

    def __init__(self, config: LocalEnhancerConfig) -> None:
        super().__init__()
        self.config = config
        layers = config.layers("reflect")
        widest = config.width << config.enhancers
        self.body = ResnetBody((config.inputs, widest), config.halvings, config.blocks, layers)
        self.enhancers = nn.ModuleList([_Enhancer(config, number) for number in range(config.enhancers)])
        self.head = last_layer(config.width, config.outputs)
        dcgan_normal(self)

    def forward(
        self, picture: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN
    ) -> Float[Tensor, "b outputs h w"]:
        """Draw what each picture becomes, in [-1, 1]. The condition is not read."""
        sizes = [picture]
        for _ in self.enhancers:
            sizes.append(halve_inside(sizes[-1]))
        x = self.body(sizes.pop())
        for enhancer in self.enhancers:
            x = enhancer(sizes.pop(), x)
        return self.head(x).tanh()


class MultiScaleDiscriminator(nn.Module):
    """Pictures to logits of patches, at several scales. See :class:`MultiScaleDiscriminatorConfig`."""

    def __init__(self, config: MultiScaleDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.scales = nn.ModuleList(
            [PatchStack(config.widths, config.norm, padding=2, biases=True) for _ in range(config.scales)]
        )

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b n"]:
        """One logit for every patch of every scale, the finest first. The condition is not read."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits of all scales in a row, and the features of all."""
        scales = self.judge_scales(x)
        logits = torch.cat([scale.logits.flatten(1) for scale in scales], dim=1)
        return Judgement(logits, tuple(feature for scale in scales for feature in scale.features))

    def judge_scales(self, x: Float[Tensor, "b c h w"]) -> tuple[Judgement, ...]:
        """What each scale says, the finest first: logits (b, 1, ph, pw), and the maps behind every convolution."""
        found = []
        for number, scale in enumerate(self.scales):
            x = halve_inside(x) if number else x
            found.append(scale.judge(x))  # type: ignore[operator]
        return tuple(found)
