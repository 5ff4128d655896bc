"""BigGAN: residual generator and discriminator that know classes.

Reference: Brock, Donahue, Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", ICLR 2019,
arXiv 1809.11096, appendix B, tables 4 to 6 (128, 256 and 512 pixels); 32 and 64 pixels, the pooled attention and the
options are those of the authors' PyTorch code, whose checkpoints ``interop.biggan`` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement, Truncation, label_of
from diorama.nn.class_norm import BatchNorm, ClassBatchNorm
from diorama.nn.initialize import Initial, weights
from diorama.nn.pooled_attention import PooledAttention
from diorama.nn.spectral import PowerIteration, SpectralEmbedding, conv, linear

Resolution = Literal[32, 64, 128, 256, 512]
GeneratorResolution = Literal[16, 32, 64, 128, 256, 512]

GENERATOR_WIDTHS: Mapping[int, tuple[int, ...]] = {
    16: (4, 4, 4),
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
"""Multiples of the width, before the first block and behind each; every block doubles the side. That of 16 is ours, for
pictures such as 28 pixels, which are twice doubled from 7."""

DISCRIMINATOR_WIDTHS: Mapping[int, tuple[int, ...]] = {
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}
"""Multiples of the width behind each block, of which the last ones keep the side and the others halve it."""


@dataclass(frozen=True, kw_only=True)
class BigGANGeneratorConfig(GeneratorConfig):
    """The generator.

    Args:
        resolution: whose stack of blocks is taken; also the side in pixels where ``bottom`` is 4.
        bottom: side of the coarsest map.
        channels: of the pictures.
        width: the multiples of :data:`GENERATOR_WIDTHS` are of it.
        latent: length of the latent vector; with ``hierarchical`` a multiple of the number of blocks and one.
        classes: labels that it knows; with one it is given none.
        shared: length of the embedding of labels that all norms read; ``None`` for a table in each norm.
        hierarchical: each block is given a part of the latent vector beside the shared embedding.
        attention: sides of 4 times a power of two behind whose blocks attention follows, counted as if ``bottom`` were
            4.
        spectral: how weights are normalised; ``None`` for not at all. Tables of labels never are.
        norm_eps: of the conditional norms.
        initial: how weights are drawn.
    """

    resolution: GeneratorResolution = 128
    bottom: int = 4
    channels: int = 3
    width: int = 64
    latent: int = 120
    classes: int = 1000
    shared: int | None = 128
    hierarchical: bool = True
    attention: tuple[int, ...] = (64,)
    spectral: PowerIteration | None = field(default_factory=PowerIteration)
    norm_eps: float = 1e-5
    initial: Initial = "orthogonal"

    def __post_init__(self) -> None:
        check_positive(self, "bottom", "channels", "width", "latent", "classes")
        check_attention(self.attention, [8 << block for block in range(self.blocks)])
        if self.hierarchical and self.shared is None:
            raise ValueError("hierarchical: parts of the latent vector go where the shared embedding goes; set shared")
        if self.hierarchical and self.latent % (self.blocks + 1):
            raise ValueError(f"latent: must be a multiple of {self.blocks + 1} to be parted, got {self.latent}")

    @property
    def blocks(self) -> int:
        """How many there are."""
        return len(GENERATOR_WIDTHS[self.resolution]) - 1

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return self.bottom << self.blocks

    @property
    def part(self) -> int:
        """Length of what each block, and the first layer, are given of the latent vector."""
        return self.latent // (self.blocks + 1) if self.hierarchical else 0

    @property
    def reads(self) -> tuple[str, ...]:
        """The label, where there are several."""
        return ("label",) if self.classes > 1 else ()

    @property
    def truncation(self) -> Truncation:
        """By a threshold of latent values."""
        return "latent"

    def build(self) -> BigGANGenerator:
        """A freshly initialised generator."""
        return BigGANGenerator(self)


@dataclass(frozen=True, kw_only=True)
class BigGANDiscriminatorConfig(DiscriminatorConfig):
    """The discriminator.

    Args:
        resolution: whose stack of blocks is taken; pictures may have any side that can be halved as often.
        channels: of the pictures.
        width: the multiples of :data:`DISCRIMINATOR_WIDTHS` are of it.
        classes: labels that it knows; with one it is given none.
        wide: blocks are as wide inside as behind them, and not as before them.
        attention: sides of maps behind whose blocks attention follows.
        spectral: how weights are normalised.
        outputs: logits of each picture.
        initial: how weights are drawn.
    """

    resolution: Resolution = 128
    channels: int = 3
    width: int = 64
    classes: int = 1000
    wide: bool = True
    attention: tuple[int, ...] = (64,)
    spectral: PowerIteration = field(default_factory=PowerIteration)
    outputs: int = 1
    initial: Initial = "orthogonal"

    def __post_init__(self) -> None:
        check_positive(self, "channels", "width", "classes", "outputs")
        check_attention(self.attention, self.sides)

    @property
    def halvings(self) -> int:
        """How often the side is halved, by the first blocks."""
        return 2 if self.resolution == 32 else len(DISCRIMINATOR_WIDTHS[self.resolution]) - 1

    @property
    def sides(self) -> list[int]:
        """Of the maps behind each block, by which attention is asked for, of pictures of the resolution.

        Of 32 pixels all count as 16, so that attention there follows every block, as in the authors' code.
        """
        blocks = len(DISCRIMINATOR_WIDTHS[self.resolution])
        if self.resolution == 32:
            return [16] * blocks
        return [self.resolution >> min(block + 1, self.halvings) for block in range(blocks)]

    @property
    def reads(self) -> tuple[str, ...]:
        """The label, where there are several."""
        return ("label",) if self.classes > 1 else ()

    @property
    def tells_features(self) -> bool:
        """It tells the maps behind its blocks."""
        return True

    def build(self) -> BigGANDiscriminator:
        """A freshly initialised discriminator."""
        return BigGANDiscriminator(self)


def check_positive(config: object, *names: str) -> None:
    """Refuse fields below 1.

    Raises:
        ValueError: the message names the field.
    """
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")


def check_attention(asked: tuple[int, ...], sides: list[int]) -> None:
    """Refuse attention at sides that no map has.

    Raises:
        ValueError: the message names the field.
    """
    if not set(asked) <= set(sides):
        raise ValueError(f"attention: maps have the sides {sorted(set(sides))}, asked for are {list(asked)}")


class Given(NamedTuple):
    """What conditional norms are given: vectors (b, features), or labels (b,) of tables with as many rows."""

    features: int
    tables: bool


def class_norm(channels: int, given: Given, power: PowerIteration | None, eps: float) -> ClassBatchNorm:
    """A conditional norm: gains and biases are linear in a vector without biases of their own, or rows of tables."""
    if given.tables:
        gain, bias = (nn.Embedding(given.features, channels) for _ in range(2))
        return ClassBatchNorm(channels, gain, bias, eps)
    maps = (linear(given.features, channels, power, bias=False) for _ in range(2))
    return ClassBatchNorm(channels, next(maps), next(maps), eps)


def doubled(x: Tensor) -> Tensor:
    """Maps of twice the side; each place becomes four."""
    return F.interpolate(x, scale_factor=2)


class UpBlock(nn.Module):
    """A residual block that doubles the side. Reference: Brock et al. 2019, figure 15 (b)."""

    def __init__(self, inputs: int, outputs: int, given: Given, config: BigGANGeneratorConfig) -> None:
        super().__init__()
        power, eps = config.spectral, config.norm_eps
        self.conv1 = conv(inputs, outputs, 3, power)
        self.conv2 = conv(outputs, outputs, 3, power)
        self.conv_sc = conv(inputs, outputs, 1, power)
        self.bn1 = class_norm(inputs, given, power, eps)
        self.bn2 = class_norm(outputs, given, power, eps)

    def forward(self, x: Float[Tensor, "b i h w"], given: Tensor) -> Float[Tensor, "b o 2*h 2*w"]:
        h = self.conv1(doubled(self.bn1(x, given).relu()))
        h = self.conv2(self.bn2(h, given).relu())
        return h + self.conv_sc(doubled(x))


class BigGANGenerator(nn.Module):
    """Latent vectors and labels to pictures. See :class:`BigGANGeneratorConfig`."""

    def __init__(self, config: BigGANGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        power, widths = config.spectral, [config.width * m for m in GENERATOR_WIDTHS[config.resolution]]
        given = Given(config.classes, tables=True)
        self.shared: nn.Module = nn.Identity()
        if config.shared is not None:
            given = Given(config.shared + config.part, tables=False)
            self.shared = nn.Embedding(config.classes, config.shared)
        self.linear = linear(config.part or config.latent, widths[0] * config.bottom**2, power)
        self.blocks = nn.ModuleList()
        for block, (inputs, outputs) in enumerate(pairwise(widths)):
            layers = nn.ModuleList([UpBlock(inputs, outputs, given, config)])
            if 8 << block in config.attention:
                layers.append(PooledAttention(outputs, power))
            self.blocks.append(layers)
        self.output_layer = output_layer(widths[-1], config.channels, power)
        weights(self, config.initial)

    def forward(self, z: Float[Tensor, "b latent"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b c h w"]:
        """Draw one picture in [-1, 1] for every latent vector; ``condition["label"]`` (b,) names its class."""
        first, given = self._parted(z, self.shared(label_of(condition, z)))
        side = self.config.bottom
        x = self.linear(first).unflatten(1, (-1, side, side))  # (b, c, bottom, bottom)
        for layers, told in zip(self.blocks, given, strict=True):
            for layer in layers.children():
                x = layer(x, told) if isinstance(layer, UpBlock) else layer(x)
        return self.output_layer(x).tanh()

    def _parted(self, z: Tensor, told: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the first layer reads, and what each block is given."""
        config = self.config
        if not config.hierarchical:
            return z, [told] * config.blocks
        first, *others = z.split(config.part, dim=1)
        return first, [torch.cat([told, other], dim=1) for other in others]


def output_layer(width: int, channels: int, power: PowerIteration | None) -> nn.Sequential:
    """The last layers of a generator: norm, ReLU, convolution. The norm's epsilon is always the usual one."""
    return nn.Sequential(BatchNorm(width), nn.ReLU(), conv(width, channels, 3, power))


class DownBlock(nn.Module):
    """A residual block that may halve the side. Reference: Brock et al. 2019, figure 15 (c).

    Args:
        inputs: channels before it.
        outputs: channels behind it.
        config: of the discriminator.
        first: it sees pixels, which no ReLU comes before, and whose shortcut is pooled first.
        halves: it halves the side.
    """

    def __init__(
        self, inputs: int, outputs: int, config: BigGANDiscriminatorConfig, *, first: bool, halves: bool
    ) -> None:
        super().__init__()
        power, hidden = config.spectral, outputs if config.wide else inputs
        self.first, self.halves = first, halves
        self.conv1 = conv(inputs, hidden, 3, power)
        self.conv2 = conv(hidden, outputs, 3, power)
        self.conv_sc = conv(inputs, outputs, 1, power) if inputs != outputs or halves else nn.Identity()

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o ..."]:
        h = self.conv2(self.conv1(x if self.first else x.relu()).relu())
        if not self.halves:
            return h + self.conv_sc(x)
        shortcut = self.conv_sc(F.avg_pool2d(x, 2)) if self.first else F.avg_pool2d(self.conv_sc(x), 2)
        return F.avg_pool2d(h, 2) + shortcut


class BigGANDiscriminator(nn.Module):
    """Pictures and labels to logits. See :class:`BigGANDiscriminatorConfig`."""

    def __init__(self, config: BigGANDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels, *(config.width * m for m in DISCRIMINATOR_WIDTHS[config.resolution])]
        self.blocks = nn.ModuleList()
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            block = DownBlock(inputs, outputs, config, first=number == 0, halves=number < config.halvings)
            layers = nn.ModuleList([block])
            if config.sides[number] in config.attention:
                layers.append(PooledAttention(outputs, config.spectral))
            self.blocks.append(layers)
        self.linear = linear(widths[-1], config.outputs, config.spectral)
        self.embed = SpectralEmbedding(config.classes, widths[-1], config.spectral)
        weights(self, config.initial)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture, of its looking like one of ``condition["label"]`` (b,)."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits, and the maps behind every block."""
        features = []
        for layers in self.blocks:
            for layer in layers.children():
                x = layer(x)
            features.append(x)
        logits = projected(x.relu().sum((2, 3)), label_of(condition, x), self.linear, self.embed)
        return Judgement(logits, tuple(features))


def projected(
    pooled: Float[Tensor, "b f"], label: Int[Tensor, " b"], linear: nn.Linear, embed: nn.Embedding
) -> Float[Tensor, "b ..."]:
    """Logits of pooled features, with the class's own share.

    Returns:
        (b,), or (b, outputs) where the linear layer has several.

    Reference: Miyato, Koyama 2018, arXiv 1802.05637, equation 5.
    """
    logits = linear(pooled) + (embed(label) * pooled).sum(1, keepdim=True)
    return logits.squeeze(1) if logits.shape[1] == 1 else logits
