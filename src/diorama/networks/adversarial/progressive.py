"""Progressive GAN: a generator and a discriminator of several scales, the finest of which fades in.

All scales are built at once. Networks that grow draw and judge pictures of the full size from the first step on: how
many scales have been reached, and how far the next one has faded in, is a number in a buffer, ``grown``. So no shape
ever changes, and a run that was stopped inside a fade goes on inside it.

Reference: Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
ICLR 2018, arXiv 1710.10196, figures 1 and 2, table 2. What constants multiply, and how samples are grouped, follows
pytorch_GAN_zoo, whose checkpoints ``interop.gan_zoo`` reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement
from diorama.nn.convolution import Conv2d

COARSEST = 4
"""Side of the coarsest scale."""
_GROUP = 4
"""Samples over which a deviation is taken."""
_STEPS = 1 << 20
"""Of the buffer ``grown`` from one scale to the next. It holds an integer, because averages of weights copy integers
and would lag behind in a fraction."""


@dataclass(frozen=True, kw_only=True)
class ProgressiveGeneratorConfig(GeneratorConfig):
    """The generator.

    Args:
        widths: of the maps of each scale, the coarsest, of 4 x 4, first; each further scale doubles the side.
        channels: of the pictures.
        latent: length of the latent vector, which is brought to a mean square of one.
        slope: of the leaky ReLU below zero.
        equalized: weights are drawn from N(0, 1), and what a layer returns is multiplied by He's constant.
        limit: what is done to the pictures' values: nothing, as in the paper, or tanh.
        grows: pictures are of the full size, and as sharp as the buffer ``grown`` says.
    """

    widths: tuple[int, ...] = (512, 512, 512, 512, 256)
    channels: int = 3
    latent: int = 512
    slope: float = 0.2
    equalized: bool = True
    limit: Literal["none", "tanh"] = "none"
    grows: bool = False

    def __post_init__(self) -> None:
        _check(self.widths, self.channels, self.latent)

    @property
    def side(self) -> int:
        """Of the pictures of the finest scale, in pixels."""
        return COARSEST << (len(self.widths) - 1)

    def build(self) -> ProgressiveGenerator:
        """A freshly initialised generator."""
        return ProgressiveGenerator(self)


@dataclass(frozen=True, kw_only=True)
class ProgressiveDiscriminatorConfig(DiscriminatorConfig):
    """The discriminator.

    Args:
        widths: of the maps of each scale, the coarsest, of 4 x 4, first.
        channels: of the pictures.
        outputs: logits of each picture.
        deviation: how far samples of a batch differ is one more map of the coarsest scale.
        slope: of the leaky ReLU below zero.
        equalized: as of :class:`ProgressiveGeneratorConfig`.
        fades_from: the coarsest scale, counted from 0, whose path fades in; 2 in pytorch_GAN_zoo.
        grows: pictures are of the full size, and are judged at the scale that the buffer ``grown`` says.
    """

    widths: tuple[int, ...] = (512, 512, 512, 512, 256)
    channels: int = 3
    outputs: int = 1
    deviation: bool = True
    slope: float = 0.2
    equalized: bool = True
    fades_from: int = 1
    grows: bool = False

    def __post_init__(self) -> None:
        _check(self.widths, self.channels, self.outputs)
        if self.fades_from < 1:
            raise ValueError(f"fades_from must be at least 1, got {self.fades_from}")

    @property
    def tells_features(self) -> bool:
        """It tells the vector before the logits."""
        return True

    def build(self) -> ProgressiveDiscriminator:
        """A freshly initialised discriminator."""
        return ProgressiveDiscriminator(self)


def _check(widths: tuple[int, ...], *counts: int) -> None:
    if not widths or min(*widths, *counts) < 1:
        raise ValueError(f"widths: at least one, and like all other counts at least 1, got {widths} and {counts}")


class _Equalized(nn.Module):
    """A layer whose result, bias and all, is multiplied by He's constant.

    Reference: Karras et al. 2018, section 4.1.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear, *, equalized: bool) -> None:
        super().__init__()
        self.layer = layer
        self.constant = math.sqrt(2 / layer.weight[0].numel()) if equalized else 1.0
        if equalized:
            nn.init.normal_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * self.constant


def unit_magnitude(x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
    """Vectors along the second axis brought to a mean square of one. Reference: Karras et al. 2018, section 4.2."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def shares(grown: Float[Tensor, ""], scales: int) -> Float[Tensor, " scales"]:
    """How much of a picture is drawn at each scale: all at one, or at two that follow one another while one fades in.

    Args:
        grown: the scale that has been reached, counted from 0; 1.25 where a quarter of scale 2 has faded in.
        scales: how many there are.
    """
    return (1 - (grown - torch.arange(scales, device=grown.device)).abs()).clamp(min=0)


def reached_scale(grown: Int[Tensor, ""]) -> Float[Tensor, ""]:
    """The scale that has been reached, of what the buffer ``grown`` holds."""
    return grown / _STEPS


class Growing(nn.Module):
    """A network with the buffer ``grown``, if it grows."""

    grown: Tensor
    colours: nn.ModuleList

    @property
    def scale_count(self) -> int:
        """How many scales there are."""
        return len(self.colours)

    def begin(self, grows: bool) -> None:
        """Start at the coarsest scale."""
        if grows:
            self.register_buffer("grown", torch.zeros((), dtype=torch.int64))

    def grow(self, reached: float) -> None:
        """Say which scale has been reached, as in :func:`shares`; what is said is kept to a millionth."""
        self.grown.fill_(round(reached * _STEPS))

    @property
    def reached(self) -> Float[Tensor, ""]:
        """The scale that has been reached."""
        return reached_scale(self.grown)


def as_sharp(x: Float[Tensor, "b c h w"], grown: Float[Tensor, ""], scales: int) -> Float[Tensor, "b c h w"]:
    """Real pictures made as sharp as those that a growing generator draws.

    Args:
        x: of the finest scale.
        grown: as of :func:`shares`.
        scales: how many there are.

    Reference: Karras et al. 2018, appendix A.1: real pictures are faded as the network is.
    """
    sizes = [x]
    for _ in range(scales - 1):
        sizes.append(F.avg_pool2d(sizes[-1], 2))
    return _blended(sizes[::-1], shares(grown, scales))


def _blended(pictures: list[Tensor], weights: Tensor) -> Tensor:
    """Pictures of every scale, the coarsest first, enlarged to the finest and summed by their weights."""
    blend = weights[0] * pictures[0]
    for weight, picture in zip(weights[1:], pictures[1:], strict=True):
        blend = F.interpolate(blend, scale_factor=2) + weight * picture
    return blend


class ProgressiveGenerator(Growing):
    """Latent vectors to pictures. See :class:`ProgressiveGeneratorConfig`."""

    def __init__(self, config: ProgressiveGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        first, equalized = config.widths[0], config.equalized
        self.first = _Equalized(nn.Linear(config.latent, first * COARSEST**2), equalized=equalized)
        self.coarsest = _Equalized(Conv2d(first, first, 3, padding=1), equalized=equalized)
        self.scales = nn.ModuleList()
        for before, width in zip(config.widths, config.widths[1:], strict=False):
            convs = [Conv2d(inputs, width, 3, padding=1) for inputs in (before, width)]
            self.scales.append(nn.ModuleList([_Equalized(conv, equalized=equalized) for conv in convs]))
        self.colours = nn.ModuleList(
            [_Equalized(Conv2d(width, config.channels, 1), equalized=equalized) for width in config.widths]
        )
        self.begin(config.grows)

    def forward(
        self,
        z: Float[Tensor, "b latent"],
        condition: Condition = NOTHING_GIVEN,
        *,
        scale: int | None = None,
        fade: float | Tensor = 0.0,
    ) -> Float[Tensor, "b c h w"]:
        """Draw one picture for every latent vector. The condition is not read.

        Args:
            z: latent vectors.
            condition: of samples.
            scale: the finest that is drawn, counted from 0, and the pictures' size; ``None`` for the last, or for what
                the buffer of a network that grows says.
            fade: the share of the scale before, enlarged, in the picture: from 1 to 0 while this one fades in.
        """
        maps = self._maps(z, len(self.scales) if scale is None else scale)
        if scale is None and self.config.grows:
            pictures = [colour(x) for colour, x in zip(self.colours, maps, strict=True)]
            return self._limited(_blended(pictures, shares(self.reached, len(maps))))
        last = len(maps) - 1
        picture = self.colours[last](maps[last])
        if last and not (isinstance(fade, float) and fade == 0):
            coarse = F.interpolate(self.colours[last - 1](maps[last - 1]), scale_factor=2)
            picture = fade * coarse + (1 - fade) * picture
        return self._limited(picture)

    def _maps(self, z: Tensor, last: int) -> list[Tensor]:
        """The maps of every scale, from which its picture is drawn, the coarsest first."""
        x = self._kept(self.first(unit_magnitude(z)).unflatten(1, (-1, COARSEST, COARSEST)))
        maps = [self._kept(self.coarsest(x))]
        for convs in list(self.scales)[:last]:
            x = F.interpolate(maps[-1], scale_factor=2)
            for conv in convs.children():
                x = self._kept(conv(x))
            maps.append(x)
        return maps

    def _kept(self, x: Tensor) -> Tensor:
        return unit_magnitude(leaky_relu(x, self.config.slope))

    def _limited(self, picture: Tensor) -> Tensor:
        return picture.tanh() if self.config.limit == "tanh" else picture


class ProgressiveDiscriminator(Growing):
    """Pictures to logits. See :class:`ProgressiveDiscriminatorConfig`."""

    def __init__(self, config: ProgressiveDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        first, equalized = config.widths[0], config.equalized
        self.colours = nn.ModuleList(
            [_Equalized(Conv2d(config.channels, width, 1), equalized=equalized) for width in config.widths]
        )
        self.scales = nn.ModuleList()
        for before, width in zip(config.widths, config.widths[1:], strict=False):
            convs = [Conv2d(width, outputs, 3, padding=1) for outputs in (width, before)]
            self.scales.append(nn.ModuleList([_Equalized(conv, equalized=equalized) for conv in convs]))
        self.coarsest = _Equalized(Conv2d(first + config.deviation, first, 3, padding=1), equalized=equalized)
        self.last = _Equalized(nn.Linear(first * COARSEST**2, first), equalized=equalized)
        self.head = _Equalized(nn.Linear(first, config.outputs), equalized=equalized)
        self.begin(config.grows)

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        condition: Condition = NOTHING_GIVEN,
        *,
        fade: float | Tensor = 0.0,
    ) -> Float[Tensor, " b"]:
        """One logit for every picture, or (b, outputs) of several; see :meth:`judge`."""
        return self.judge(x, condition, fade=fade).logits

    def judge(
        self,
        x: Float[Tensor, "b c h w"],
        condition: Condition = NOTHING_GIVEN,
        *,
        fade: float | Tensor = 0.0,
    ) -> Judgement:
        """The logits, and the vector that they come from. The condition is not read.

        Args:
            x: pictures of the side of any scale, at which they enter; of a network that grows, of the full size.
            condition: of samples.
            fade: the share of the scale before, in which the picture enters halved, from 1 to 0 while this one fades
                in. A network that grows reads its buffer in its place.
        """
        scale = (x.shape[2] // COARSEST).bit_length() - 1
        sides = [COARSEST << each for each in range(len(self.colours))][-1 if self.config.grows else 0 :]
        if x.shape[2] != x.shape[3] or x.shape[2] not in sides:
            raise ValueError(f"pictures must be squares of one of {sides}, got {tuple(x.shape[2:])}")
        x = self._grown(x) if self.config.grows else self._entered(x, scale, fade)
        if self.config.deviation:
            x = torch.cat([x, batch_deviation(x)], dim=1)
        vector = self._kept(self.last(self._kept(self.coarsest(x)).flatten(1)))
        logits = self.head(vector)
        return Judgement(logits.squeeze(1) if self.config.outputs == 1 else logits, (vector,))

    def _entered(self, x: Tensor, scale: int, fade: float | Tensor) -> Tensor:
        """Maps of the coarsest scale, of pictures that enter at one scale."""
        old: Tensor | None = None
        if scale >= self.config.fades_from and not (isinstance(fade, float) and fade == 0):
            old = self._kept(self.colours[scale - 1](F.avg_pool2d(x, 2)))
        x = self._kept(self.colours[scale](x))
        for number in reversed(range(scale)):
            x = self._halved(x, number)
            if old is not None:
                x, old = fade * old + (1 - fade) * x, None
        return x

    def _grown(self, x: Tensor) -> Tensor:
        """Maps of the coarsest scale, of pictures that enter at every scale, by the share that comes from there."""
        reached, h = self.reached, self._kept(self.colours[-1](x))
        for number in reversed(range(len(self.scales))):
            x = F.avg_pool2d(x, 2)
            finer = (reached - number).clamp(0, 1)
            if number + 1 < self.config.fades_from:
                finer = finer.ceil()
            h = finer * self._halved(h, number) + (1 - finer) * self._kept(self.colours[number](x))
        return h

    def _halved(self, x: Tensor, number: int) -> Tensor:
        """Maps of the scale ``number``, of those of the one above it."""
        for conv in self.scales[number].children():
            x = self._kept(conv(x))
        return F.avg_pool2d(x, 2)

    def _kept(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.config.slope)


def batch_deviation(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
    """Mean standard deviation over groups of four samples that follow one another, the same at all places.

    All samples are one group where they cannot be grouped by four; of a single one it is 0.

    Reference: Karras et al. 2018, section 3, with unbiased variances.
    """
    count = len(x)
    size = _GROUP if count % _GROUP == 0 else count
    if size == 1:
        return x.new_zeros(count, 1, *x.shape[2:])
    deviation = (x.unflatten(0, (-1, size)).var(dim=1) + 1e-8).sqrt().mean((1, 2, 3))  # (groups,)
    return deviation.repeat_interleave(size).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
