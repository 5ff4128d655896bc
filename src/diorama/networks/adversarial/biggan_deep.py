"""BigGAN-deep: bottleneck blocks, several to a side, whose shortcuts drop or join channels.

Reference: Brock, Donahue, Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", ICLR 2019,
arXiv 1809.11096, appendix B, figure 16 and tables 7 to 9; sides and options as in the authors' PyTorch code, whose
checkpoints ``interop.biggan`` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement, Truncation, label_of
from diorama.networks.adversarial.biggan import (
    GENERATOR_WIDTHS,
    GeneratorResolution,
    Given,
    check_attention,
    check_positive,
    class_norm,
    doubled,
    output_layer,
    projected,
)
from diorama.nn.initialize import Initial, weights
from diorama.nn.pooled_attention import PooledAttention
from diorama.nn.spectral import PowerIteration, SpectralEmbedding, conv, linear

_RATIO = 4
"""How much narrower blocks are inside."""

DISCRIMINATOR_WIDTHS: Mapping[int, tuple[int, ...]] = {
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
}
"""Multiples of the width, before the first stage and behind each; every stage halves the side, but the last of 32."""


@dataclass(frozen=True, kw_only=True)
class BigGANDeepGeneratorConfig(GeneratorConfig):
    """The generator. All norms and the first layer are given the shared embedding and the whole latent vector.

    Args:
        resolution: whose stack of stages is taken; also the side in pixels where ``bottom`` is 4.
        bottom: side of the coarsest map.
        channels: of the pictures.
        width: the multiples of :data:`~diorama.networks.adversarial.biggan.GENERATOR_WIDTHS` are of it.
        depth: blocks of each stage, the last of which doubles the side.
        latent: length of the latent vector.
        classes: labels that it knows; with one it is given none.
        shared: length of the embedding of labels.
        attention: sides of 4 times a power of two behind whose stages attention follows, counted as if ``bottom`` were
            4.
        spectral: how weights are normalised; ``None`` for not at all. The embedding never is.
        norm_eps: of the conditional norms.
        initial: how weights are drawn.
    """

    resolution: GeneratorResolution = 128
    bottom: int = 4
    channels: int = 3
    width: int = 128
    depth: int = 2
    latent: int = 128
    classes: int = 1000
    shared: int = 128
    attention: tuple[int, ...] = (64,)
    spectral: PowerIteration | None = field(default_factory=PowerIteration)
    norm_eps: float = 1e-5
    initial: Initial = "orthogonal"

    def __post_init__(self) -> None:
        check_positive(self, "bottom", "channels", "width", "depth", "latent", "classes", "shared")
        check_attention(self.attention, [8 << stage for stage in range(self.stages)])

    @property
    def stages(self) -> int:
        """How many there are."""
        return len(GENERATOR_WIDTHS[self.resolution]) - 1

    @property
    def side(self) -> int:
        """Of the pictures, in pixels."""
        return self.bottom << self.stages

    @property
    def reads(self) -> tuple[str, ...]:
        """The label, where there are several."""
        return ("label",) if self.classes > 1 else ()

    @property
    def truncation(self) -> Truncation:
        """By a threshold of latent values."""
        return "latent"

    def build(self) -> BigGANDeepGenerator:
        """A freshly initialised generator."""
        return BigGANDeepGenerator(self)


@dataclass(frozen=True, kw_only=True)
class BigGANDeepDiscriminatorConfig(DiscriminatorConfig):
    """The discriminator.

    Args:
        resolution: whose stack of stages is taken; pictures may have any side that can be halved as often.
        channels: of the pictures.
        width: the multiples of :data:`DISCRIMINATOR_WIDTHS` are of it.
        depth: blocks of each stage, the first of which halves the side.
        classes: labels that it knows; with one it is given none.
        attention: sides of maps behind whose stages attention follows.
        spectral: how weights are normalised.
        outputs: logits of each picture.
        initial: how weights are drawn.
    """

    resolution: Literal[32, 64, 128, 256] = 128
    channels: int = 3
    width: int = 128
    depth: int = 2
    classes: int = 1000
    attention: tuple[int, ...] = (64,)
    spectral: PowerIteration = field(default_factory=PowerIteration)
    outputs: int = 1
    initial: Initial = "orthogonal"

    def __post_init__(self) -> None:
        check_positive(self, "channels", "width", "depth", "classes", "outputs")
        check_attention(self.attention, self.sides)

    @property
    def halvings(self) -> int:
        """How often the side is halved, by the first stages."""
        return 2 if self.resolution == 32 else len(self.sides)

    @property
    def sides(self) -> list[int]:
        """Of the maps behind each stage, by which attention is asked for, of pictures of the resolution.

        Of 32 pixels all count as 16, so that attention there follows every stage, as in the authors' code.
        """
        stages = len(DISCRIMINATOR_WIDTHS[self.resolution]) - 1
        if self.resolution == 32:
            return [16] * stages
        return [self.resolution >> (stage + 1) for stage in range(stages)]

    @property
    def reads(self) -> tuple[str, ...]:
        """The label, where there are several."""
        return ("label",) if self.classes > 1 else ()

    @property
    def tells_features(self) -> bool:
        """It tells the maps behind its stages."""
        return True

    def build(self) -> BigGANDeepDiscriminator:
        """A freshly initialised discriminator."""
        return BigGANDeepDiscriminator(self)


class UpBottleneck(nn.Module):
    """A residual block that may double the side; its shortcut drops channels. Reference: figure 16 (b)."""

    def __init__(
        self, inputs: int, outputs: int, given: Given, config: BigGANDeepGeneratorConfig, *, doubles: bool
    ) -> None:
        super().__init__()
        power, eps, hidden = config.spectral, config.norm_eps, inputs // _RATIO
        self.outputs, self.doubles = outputs, doubles
        self.conv1 = conv(inputs, hidden, 1, power)
        self.conv2 = conv(hidden, hidden, 3, power)
        self.conv3 = conv(hidden, hidden, 3, power)
        self.conv4 = conv(hidden, outputs, 1, power)
        self.bn1 = class_norm(inputs, given, power, eps)
        self.bn2 = class_norm(hidden, given, power, eps)
        self.bn3 = class_norm(hidden, given, power, eps)
        self.bn4 = class_norm(hidden, given, power, eps)

    def forward(self, x: Float[Tensor, "b i h w"], given: Tensor) -> Float[Tensor, "b o ..."]:
        h = self.conv1(self.bn1(x, given).relu())
        h = self.bn2(h, given).relu()
        x = x[:, : self.outputs]
        if self.doubles:
            h, x = doubled(h), doubled(x)
        h = self.conv2(h)
        h = self.conv3(self.bn3(h, given).relu())
        return self.conv4(self.bn4(h, given).relu()) + x


class BigGANDeepGenerator(nn.Module):
    """Latent vectors and labels to pictures. See :class:`BigGANDeepGeneratorConfig`."""

    def __init__(self, config: BigGANDeepGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        power, widths = config.spectral, [config.width * m for m in GENERATOR_WIDTHS[config.resolution]]
        given = Given(config.shared + config.latent, tables=False)
        self.shared = nn.Embedding(config.classes, config.shared)
        self.linear = linear(given.features, widths[0] * config.bottom**2, power)
        self.blocks = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(pairwise(widths)):
            for number in range(config.depth):
                last = number == config.depth - 1
                block = UpBottleneck(inputs, outputs if last else inputs, given, config, doubles=last)
                self.blocks.append(nn.ModuleList([block]))
            if 8 << stage in config.attention:
                self.blocks[-1] = nn.ModuleList([block, PooledAttention(outputs, power)])
        self.output_layer = output_layer(widths[-1], config.channels, power)
        weights(self, config.initial)

    def forward(self, z: Float[Tensor, "b latent"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b c h w"]:
        """Draw one picture in [-1, 1] for every latent vector; ``condition["label"]`` (b,) names its class."""
        given = torch.cat([self.shared(label_of(condition, z)), z], dim=1)
        x = self.linear(given).unflatten(1, (-1, self.config.bottom, self.config.bottom))  # (b, c, bottom, bottom)
        for layers in self.blocks:
            for layer in layers.children():
                x = layer(x, given) if isinstance(layer, UpBottleneck) else layer(x)
        return self.output_layer(x).tanh()


class DownBottleneck(nn.Module):
    """A residual block that may halve the side; its shortcut joins new channels to old. Reference: figure 16 (c)."""

    def __init__(self, inputs: int, outputs: int, power: PowerIteration, *, halves: bool) -> None:
        super().__init__()
        hidden = outputs // _RATIO
        self.halves = halves
        self.conv1 = conv(inputs, hidden, 1, power)
        self.conv2 = conv(hidden, hidden, 3, power)
        self.conv3 = conv(hidden, hidden, 3, power)
        self.conv4 = conv(hidden, outputs, 1, power)
        self.conv_sc = conv(inputs, outputs - inputs, 1, power) if inputs != outputs else None

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o ..."]:
        h = self.conv1(x.relu())
        h = self.conv3(self.conv2(h.relu()).relu()).relu()
        if self.halves:
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        if self.conv_sc is not None:
            x = torch.cat([x, self.conv_sc(x)], dim=1)
        return self.conv4(h) + x


class BigGANDeepDiscriminator(nn.Module):
    """Pictures and labels to logits. See :class:`BigGANDeepDiscriminatorConfig`."""

    def __init__(self, config: BigGANDeepDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        power, widths = config.spectral, [config.width * m for m in DISCRIMINATOR_WIDTHS[config.resolution]]
        self.input_conv = conv(config.channels, widths[0], 3, power)
        self.blocks = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(pairwise(widths)):
            layers = nn.ModuleList()
            for number in range(config.depth):
                halves = number == 0 and stage < config.halvings
                layers.append(DownBottleneck(inputs if number == 0 else outputs, outputs, power, halves=halves))
            if config.sides[stage] in config.attention:
                layers.append(PooledAttention(outputs, power))
            self.blocks.append(layers)
        self.linear = linear(widths[-1], config.outputs, power)
        self.embed = SpectralEmbedding(config.classes, widths[-1], power)
        weights(self, config.initial)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture, of its looking like one of ``condition["label"]`` (b,)."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits, and the maps behind every stage."""
        x, features = self.input_conv(x), []
        for layers in self.blocks:
            for layer in layers.children():
                x = layer(x)
            features.append(x)
        logits = projected(x.relu().sum((2, 3)), label_of(condition, x), self.linear, self.embed)
        return Judgement(logits, tuple(features))
