"""DCGAN: the all-convolutional generator and discriminator.

Reference: Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", ICLR 2016, arXiv 1511.06434, figure 1 and section 3. Widths, kernels of 4 and the head of
the discriminator follow the widespread PyTorch example, whose checkpoints ``interop.pytorch_examples_dcgan`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement
from diorama.nn.convolution import Conv2d
from diorama.nn.initialize import dcgan_normal
from diorama.nn.pyramid import pyramid


@dataclass(frozen=True, kw_only=True)
class DCGANGeneratorConfig(GeneratorConfig):
    """The generator of figure 1, for any size that halves down to a small map.

    Args:
        size: (height, width) in pixels.
        channels: of the pictures.
        features: width of the last hidden map; each coarser map is twice as wide.
        latent: length of the latent vector.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64
    latent: int = 100

    def __post_init__(self) -> None:
        pyramid(self.size)

    def build(self) -> DCGANGenerator:
        """A freshly initialised generator."""
        return DCGANGenerator(self)


@dataclass(frozen=True, kw_only=True)
class DCGANDiscriminatorConfig(DiscriminatorConfig):
    """The mirrored discriminator.

    Args:
        size: (height, width) in pixels.
        channels: of the pictures.
        features: width of the first hidden map; each coarser map is twice as wide.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64

    def __post_init__(self) -> None:
        pyramid(self.size)

    @property
    def tells_features(self) -> bool:
        """It tells the maps behind its blocks."""
        return True

    def build(self) -> DCGANDiscriminator:
        """A freshly initialised discriminator."""
        return DCGANDiscriminator(self)


class _Up(nn.Module):
    """Transposed convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.norm(self.conv(x)))


class _Down(nn.Module):
    """Strided convolution, batch norm (not on pixels), leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool) -> None:
        super().__init__()
        self.conv = Conv2d(inputs, outputs, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.norm(self.conv(x)), 0.2)


class DCGANGenerator(nn.Module):
    """Latent vectors to pictures. See :class:`DCGANGeneratorConfig`."""

    def __init__(self, config: DCGANGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        steps, coarsest = pyramid(config.size)
        widths = [config.features << level for level in reversed(range(steps))]
        self.blocks = nn.ModuleList([_Up(config.latent, widths[0], coarsest, 1, 0)])
        for inputs, outputs in pairwise(widths):
            self.blocks.append(_Up(inputs, outputs, (4, 4), 2, 1))
        self.head = nn.ConvTranspose2d(widths[-1], config.channels, 4, 2, 1, bias=False)
        dcgan_normal(self)

    def forward(self, z: Float[Tensor, "b latent"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b c h w"]:
        """Draw one picture in [-1, 1] for every latent vector. The condition is not read."""
        x = z[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        return self.head(x).tanh()


class DCGANDiscriminator(nn.Module):
    """Pictures to logits, positive where a picture looks real. See :class:`DCGANDiscriminatorConfig`."""

    def __init__(self, config: DCGANDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        steps, coarsest = pyramid(config.size)
        widths = [config.channels] + [config.features << level for level in range(steps)]
        pairs = pairwise(widths)
        self.blocks = nn.ModuleList([_Down(a, b, norm=level > 0) for level, (a, b) in enumerate(pairs)])
        self.head = Conv2d(widths[-1], 1, coarsest, bias=False)
        dcgan_normal(self)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, " b"]:
        """One logit for every picture. The condition is not read."""
        return self.judge(x, condition).logits

    def judge(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Judgement:
        """The logits, and the maps behind every block."""
        features = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return Judgement(self.head(x).flatten(), tuple(features))
