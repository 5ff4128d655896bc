"""StyleGAN as its widespread PyTorch port has it: styles normalise features, and resolutions are added one by one.

Reference: T. Karras, S. Laine, T. Aila, "A style-based generator architecture for generative adversarial networks",
arXiv:1812.04948, figure 1 and section 2; growing after T. Karras, T. Aila, S. Laine, J. Lehtinen, arXiv:1710.10196. The
layers are those of the port whose checkpoints ``interop.stylegan1`` reads: its mapping learns at the rate of the other
layers, and its scales differ from the authors' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.core.rng import normal
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Truncation
from diorama.networks.adversarial.style_mapping import towards
from diorama.nn.convolution import conv2d, conv_transpose2d
from diorama.nn.equalized import HeConv2d, HeLinear, he_scaled
from diorama.nn.fir import Resampling, fir_filter, upfirdn2d
from diorama.nn.minibatch import with_deviation
from diorama.nn.normal import normal_like
from diorama.nn.resample import double, halve

COARSEST = 4
FUSED_FROM = 128
"""The resolution from which on convolutions change it themselves."""
WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)
"""Channels at 4 x 4, 8 x 8, … 1024 x 1024."""
_SLOPE = 0.2
_BLUR = (1.0, 2.0, 1.0)
_MEAN_OF = 4096
"""Latent vectors, always the same, that the mean style is taken of; the port's files hold none."""


def _checked_widths(widths: tuple[int, ...]) -> None:
    if not widths or min(widths) < 1:
        raise ValueError(f"widths: must be at least one number, all at least 1, got {widths}")


@dataclass(frozen=True, kw_only=True)
class StyleGAN1GeneratorConfig(GeneratorConfig):
    """The generator. The default is the paper's, of 1024 x 1024 pixels.

    Levels are what truncation counts: the two convolutions of a level share its style, and its noise.

    Args:
        channels: of the pictures.
        latent: length of the latent vector, and width of styles.
        layers: of the mapping.
        widths: channels of each level, the coarsest (4 x 4) first; each level doubles the resolution.
    """

    channels: int = 3
    latent: int = 512
    layers: int = 8
    widths: tuple[int, ...] = WIDTHS

    def __post_init__(self) -> None:
        _checked_widths(self.widths)
        if min(self.channels, self.latent, self.layers) < 1:
            raise ValueError(f"channels, latent, layers: must be at least 1, got {self}")

    @property
    def size(self) -> int:
        """Side of the finest pictures."""
        return COARSEST << (len(self.widths) - 1)

    @property
    def truncation(self) -> Truncation:
        """By styles."""
        return "styles"

    @property
    def style_layers(self) -> int:
        """One for each level."""
        return len(self.widths)

    @property
    def layer_noise(self) -> tuple[tuple[int, ...], ...]:
        """(1, h, w) for each level."""
        return tuple((1, COARSEST << level, COARSEST << level) for level in range(len(self.widths)))

    def build(self) -> StyleGAN1Generator:
        """A freshly initialised generator."""
        return StyleGAN1Generator(self)


@dataclass(frozen=True, kw_only=True)
class StyleGAN1DiscriminatorConfig(DiscriminatorConfig):
    """The discriminator. The default is the paper's, of 1024 x 1024 pixels.

    Args:
        channels: of the pictures.
        widths: channels of each level, the coarsest (4 x 4) first.
        fused: convolutions of the finest levels halve the resolution themselves.
        from_rgb_activate: a non-linearity follows what reads pictures.
    """

    channels: int = 3
    widths: tuple[int, ...] = WIDTHS
    fused: bool = True
    from_rgb_activate: bool = False

    def __post_init__(self) -> None:
        _checked_widths(self.widths)
        if self.channels < 1:
            raise ValueError(f"channels: must be at least 1, got {self.channels}")

    @property
    def size(self) -> int:
        """Side of the finest pictures."""
        return COARSEST << (len(self.widths) - 1)

    def build(self) -> StyleGAN1Discriminator:
        """A freshly initialised discriminator."""
        return StyleGAN1Discriminator(self)


class Blur(nn.Module):
    """A binomial filter of three pixels, with zeros beyond the edges: (b, c, h, w) -> the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", fir_filter(_BLUR), persistent=False)
        self.filter: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return upfirdn2d(x, self.filter, Resampling(padding=1))


class FusedConv(nn.Module):
    """A 3x3 convolution that doubles or halves the resolution, its kernel smoothed over four shifts of itself.

    Args:
        inputs: channels.
        outputs: channels.
        up: whether it doubles.
    """

    def __init__(self, inputs: int, outputs: int, *, up: bool) -> None:
        super().__init__()
        self.up, self.inputs = up, inputs
        self.weight = nn.Parameter(torch.randn(inputs if up else outputs, outputs if up else inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight = he_scaled(self.weight, inputs=0 if self.up else 1)
        kernel = F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 2, stride=1).to(x.dtype)  # (…, 4, 4)
        convolve = conv_transpose2d if self.up else conv2d
        return convolve(x, kernel, bias=self.bias.to(x.dtype), stride=(2, 2), padding=(1, 1))


class StyledNorm(nn.Module):
    """Noise, a non-linearity, and features of every channel normalised and then scaled and moved by the style."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.style = HeLinear(style, 2 * channels)
        with torch.no_grad():
            self.style.bias[:channels] = 1

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        x = F.leaky_relu(x + he_scaled(self.strength).to(x.dtype) * noise.to(x.dtype), _SLOPE)
        scale, move = self.style(style)[:, :, None, None].chunk(2, dim=1)
        return scale * F.instance_norm(x) + move


class GeneratorLevel(nn.Module):
    """One resolution: features of the one before (none at the coarsest) -> twice as fine."""

    def __init__(self, config: StyleGAN1GeneratorConfig, level: int) -> None:
        super().__init__()
        width, size = config.widths[level], COARSEST << level
        self.const = self.conv1 = None
        if level == 0:
            self.const = nn.Parameter(torch.randn(1, width, COARSEST, COARSEST))
        else:
            before = config.widths[level - 1]
            fused = size >= FUSED_FROM
            self.conv1 = FusedConv(before, width, up=True) if fused else HeConv2d(before, width, 3, padding=1)
        self.blur = Blur()
        self.norm1 = StyledNorm(width, config.latent)
        self.conv2 = HeConv2d(width, width, 3, padding=1)
        self.norm2 = StyledNorm(width, config.latent)

    def forward(self, x: Tensor | None, style: Tensor, noise: Tensor) -> Tensor:
        if self.const is not None:
            x = self.const.expand(style.shape[0], -1, -1, -1)
        else:
            assert x is not None
            assert self.conv1 is not None
            x = self.blur(self.conv1(x if isinstance(self.conv1, FusedConv) else double(x)))
        return self.norm2(self.conv2(self.norm1(x, style, noise)), style, noise)


class StyleGAN1Generator(nn.Module):
    """Latent vectors to pictures. See :class:`StyleGAN1GeneratorConfig`."""

    def __init__(self, config: StyleGAN1GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = nn.ModuleList(HeLinear(config.latent, config.latent) for _ in range(config.layers))
        self.levels = nn.ModuleList(GeneratorLevel(config, level) for level in range(len(config.widths)))
        self.to_rgb = nn.ModuleList(HeConv2d(width, config.channels, 1) for width in config.widths)

    def style(self, z: Tensor) -> Tensor:
        """Styles (b, latent) of latent vectors (b, latent)."""
        x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
        for layer in self.mapping:
            x = F.leaky_relu(layer(x), _SLOPE)
        return x

    def styles(
        self, z: Tensor, condition: Condition = NOTHING_GIVEN, *, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Styles (b, levels, latent) of latent vectors, the same for every level.

        Args:
            z: (b, latent) standard normal.
            condition: not read.
            psi: what is kept of a style's distance from the mean of always the same latent vectors' styles.
            cutoff: only so many levels, from the coarsest on, are moved; ``None`` for all.
        """
        return self._truncated(z, psi, cutoff, None)

    def readers(self) -> list[Tensor]:
        """Weights (outputs, latent) of what reads each level's style."""
        return [
            torch.cat([he_scaled(norm.style.weight) for norm in (level.norm1, level.norm2)])
            for level in self.levels
            if isinstance(level, GeneratorLevel)
        ]

    def mean_style(self, z: Tensor) -> Tensor:
        """The mean (1, latent) of the styles of many latent vectors, towards which truncation moves."""
        return self.style(z).mean(dim=0, keepdim=True)

    def draw(
        self, styles: Tensor, noise: Sequence[Tensor] | None = None, *, level: int | None = None, alpha: float = 1.0
    ) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1].

        Args:
            styles: (b, n, latent), one for each level up to ``level``, or more.
            noise: of every such level, see :attr:`StyleGAN1GeneratorConfig.layer_noise`; ``None`` draws it in training,
                and in evaluation goes without.
            level: at which pictures are made, 0 the coarsest; ``None`` for the finest.
            alpha: the share of that level's picture; that of the level before has the rest.

        Raises:
            ValueError: styles or noise are too few, or there is no such level.
        """
        last = self._last(level)
        if styles.shape[1] <= last or (noise is not None and len(noise) <= last):
            raise ValueError(f"styles, noise: {last + 1} of each are needed for level {last}")
        x: Tensor | None = None
        before: Tensor | None = None
        for i, shape in enumerate(self.config.layer_noise[: last + 1]):
            zeros = styles.new_zeros(styles.shape[0], *shape)
            each = (normal_like(zeros) if self.training else zeros) if noise is None else noise[i]
            before, x = x, self.levels[i](x, styles[:, i], each)
        picture = self.to_rgb[last](x)
        if before is None or alpha >= 1:
            return picture
        return torch.lerp(double(self.to_rgb[last - 1](before)), picture, alpha)

    def forward(
        self,
        z: Tensor,
        condition: Condition = NOTHING_GIVEN,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
        mean: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
        level: int | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """Draw one picture for every latent vector.

        Args:
            z: (b, latent) standard normal.
            condition: not read.
            psi: what is kept of a style's distance from the mean style.
            cutoff: only so many levels, from the coarsest on, are moved; ``None`` for all.
            mean: of :meth:`mean_style`; ``None`` for that of always the same latent vectors.
            noise: see :meth:`draw`.
            level: see :meth:`draw`.
            alpha: see :meth:`draw`.
        """
        return self.draw(self._truncated(z, psi, cutoff, mean), noise, level=level, alpha=alpha)

    def _truncated(self, z: Tensor, psi: float, cutoff: int | None, mean: Tensor | None) -> Tensor:
        """One style (b, latent) for every level, moved towards a mean, or the usual one."""
        every = self.style(z)[:, None].expand(-1, len(self.levels), -1)
        if psi == 1:
            return every
        return towards(self._usual_mean(z) if mean is None else mean, every, psi, cutoff)

    @torch.no_grad()
    def _usual_mean(self, like: Tensor) -> Tensor:
        shape = (self.config.latent,)
        return self.mean_style(normal(shape, seed=0, first=0, count=_MEAN_OF, device=like.device))

    def _last(self, level: int | None) -> int:
        return _checked_level(level, len(self.levels))


def mixed(first: Tensor, second: Tensor, levels: range, count: int) -> Tensor:
    """Styles of every level of two: (b, count, latent).

    Args:
        first: (b, latent).
        second: (b, latent).
        levels: that have the second.
        count: of levels.

    Reference: arXiv:1812.04948, section 3.1.
    """
    return torch.stack([second if i in levels else first for i in range(count)], dim=1)


class DiscriminatorLevel(nn.Module):
    """One resolution -> half of it; the coarsest -> one pixel."""

    def __init__(self, config: StyleGAN1DiscriminatorConfig, level: int) -> None:
        super().__init__()
        width, size = config.widths[level], COARSEST << level
        outputs = config.widths[max(level - 1, 0)]
        self.pools = level > 0 and not (config.fused and size >= FUSED_FROM)
        self.conv1 = HeConv2d(width + (level == 0), outputs, 3, padding=1)
        self.blur = Blur() if level else None
        self.conv2: nn.Module
        if level == 0:
            self.conv2 = HeConv2d(outputs, outputs, COARSEST)
        else:
            fused = not self.pools
            self.conv2 = FusedConv(outputs, outputs, up=False) if fused else HeConv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv1(x), _SLOPE)
        x = self.conv2(x if self.blur is None else self.blur(x))
        return F.leaky_relu(halve(x) if self.pools else x, _SLOPE)


class StyleGAN1Discriminator(nn.Module):
    """Pictures to logits, positive where they look real. See :class:`StyleGAN1DiscriminatorConfig`."""

    def __init__(self, config: StyleGAN1DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.levels = nn.ModuleList(DiscriminatorLevel(config, level) for level in range(len(config.widths)))
        self.from_rgb = nn.ModuleList(HeConv2d(config.channels, width, 1) for width in config.widths)
        self.end = HeLinear(config.widths[0], 1)

    def forward(
        self,
        picture: Tensor,
        condition: Condition = NOTHING_GIVEN,
        *,
        level: int | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """One logit (b,) for every picture.

        Args:
            picture: (b, c, h, w) of the level's size.
            condition: not read.
            level: of the pictures, 0 the coarsest; ``None`` for the finest.
            alpha: the share of that level's features; those of the halved picture have the rest.
        """
        last = _checked_level(level, len(self.levels))
        x = self._read(picture, last)
        for i in range(last, -1, -1):
            x = self.levels[i](x if i else with_deviation(x))
            if i == last and i > 0 and alpha < 1:
                x = torch.lerp(self._read(halve(picture), i - 1), x, alpha)
        return self.end(x.flatten(1)).flatten()

    def _read(self, picture: Tensor, level: int) -> Tensor:
        x = self.from_rgb[level](picture)
        return F.leaky_relu(x, _SLOPE) if self.config.from_rgb_activate else x


def _checked_level(level: int | None, count: int) -> int:
    if level is None:
        return count - 1
    if not 0 <= level < count:
        raise ValueError(f"level: must be in 0 … {count - 1}, got {level}")
    return level
