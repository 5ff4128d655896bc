"""The generator and discriminator of the first GAN: layers over all values of a picture, which is flattened.

Reference: Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio, "Generative Adversarial
Networks", NeurIPS 2014, arXiv 1406.2661, section 5: rectified units in the generator, maxout units and dropout in the
discriminator. Widths, pieces and dropout are those of the authors' settings for MNIST. The latent vector is normal here
and uniform there, pictures end in tanh and not in a sigmoid, and initial weights are PyTorch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement


@dataclass(frozen=True, kw_only=True)
class GAN2014GeneratorConfig(GeneratorConfig):
    """The generator.

    Args:
        size: (height, width) in pixels.
        channels: of the pictures.
        widths: of the hidden layers.
        latent: length of the latent vector.
    """

    size: tuple[int, int] = (28, 28)
    channels: int = 1
    widths: tuple[int, ...] = (1200, 1200)
    latent: int = 100

    def __post_init__(self) -> None:
        _check(*self.size, self.channels, self.latent, *self.widths)

    def build(self) -> GAN2014Generator:
        """A freshly initialised generator."""
        return GAN2014Generator(self)


@dataclass(frozen=True, kw_only=True)
class GAN2014DiscriminatorConfig(DiscriminatorConfig):
    """The discriminator.

    Args:
        size: (height, width) in pixels.
        channels: of the pictures.
        widths: of the hidden layers.
        pieces: linear functions of which each hidden unit is the largest.
        dropout: share of hidden values, and of 0.4 times it of pixels, that training leaves out.
    """

    size: tuple[int, int] = (28, 28)
    channels: int = 1
    widths: tuple[int, ...] = (240, 240)
    pieces: int = 5
    dropout: float = 0.5

    def __post_init__(self) -> None:
        _check(*self.size, self.channels, self.pieces, *self.widths)
        if not self.widths:
            raise ValueError("widths: a discriminator has a hidden layer at least")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def tells_features(self) -> bool:
        """It tells its hidden layers."""
        return True

    def build(self) -> GAN2014Discriminator:
        """A freshly initialised discriminator."""
        return GAN2014Discriminator(self)


def _check(*counts: int) -> None:
    if min(counts) < 1:
        raise ValueError(f"sizes, channels, widths, latent and pieces must be at least 1, got {counts}")


class GAN2014Generator(nn.Module):
    """Latent vectors to pictures. See :class:`GAN2014GeneratorConfig`."""

    def __init__(self, config: GAN2014GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise((config.latent, *config.widths)))
        values = config.channels * config.size[0] * config.size[1]
        self.head = nn.Linear((config.latent, *config.widths)[-1], values)

    def forward(self, z: Float[Tensor, "b latent"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b c h w"]:
        """Draw one picture in [-1, 1] for every latent vector. The condition is not read."""
        for layer in self.hidden:
            z = layer(z).relu()
        return self.head(z).tanh().unflatten(1, (self.config.channels, *self.config.size))


class _Maxout(nn.Module):
    """The largest of several linear functions, for each unit: (b, inputs) -> (b, outputs).

    Reference: Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013, arXiv 1302.4389, section 3.
    """

    def __init__(self, inputs: int, outputs: int, pieces: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (self.outputs, -1)).amax(2)


class GAN2014Discriminator(nn.Module):
    """Pictures to logits. See :class:`GAN2014DiscriminatorConfig`."""

    def __init__(self, config: GAN2014DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        values = config.channels * config.size[0] * config.size[1]
        widths = (values, *config.widths)
        self.hidden = nn.ModuleList(_Maxout(a, b, config.pieces) for a, b in pairwise(widths))
        self.head = nn.Linear(widths[-1], 1)
        self.on_pixels, self.on_hidden = nn.Dropout(0.4 * config.dropout), nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture. The condition is not read."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits, and the hidden layers."""
        x, features = self.on_pixels(x.flatten(1)), []
        for layer in self.hidden:
            x = layer(x)
            features.append(x)
            x = self.on_hidden(x)
        return Judgement(self.head(x).squeeze(1), tuple(features))
