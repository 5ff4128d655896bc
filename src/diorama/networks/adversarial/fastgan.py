"""FastGAN: a light generator whose coarse maps gate its fine ones, and a discriminator that redraws what it sees.

Reference: Liu, Zhu, Song, Elgammal, "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image
Synthesis", ICLR 2021, arXiv 2101.04775, figures 3 and 4, sections 3.1 and 3.2. Widths, which stages have two
convolutions and noise, and the second view of the discriminator, with a decoder of its own and gates as the generator
has them, are those of the authors' PyTorch code. That code draws 256 pixels and more; smaller pictures here leave out
the stages that they have no room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.base import DiscriminatorConfig, GeneratorConfig, Judgement
from diorama.nn.initialize import dcgan_normal
from diorama.nn.spectral import PowerIteration, SpectralConv2d, SpectralLinear

_POWER = PowerIteration()
_WIDTHS: Mapping[int, float] = {
    4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 0.5, 512: 0.25, 1024: 0.125,
}  # fmt: skip
"""Of a generator's maps, and of a decoder's, by their side: multiples of the width."""
_JUDGED_WIDTHS: Mapping[int, float] = {256: 0.25, 128: 0.5, 64: 1, 32: 2, 16: 4, 8: 8}
"""Likewise of a discriminator's maps."""
_COARSEST, _SMALLEST_JUDGED, _WIDEST_VIEW, _DECODER_WIDTH = 4, 8, 128, 32
_GATED_FROM, _LAST_GATED, _JUDGED_GATES = 64, 512, (32, 16, 8)
_SIDES = (32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class FastGANGeneratorConfig(GeneratorConfig):
    """The generator.

    Args:
        side: of the pictures, 32 to 1024 pixels, a power of two.
        channels: of the pictures.
        width: of the maps of 128 pixels; coarser ones are wider, finer ones narrower.
        latent: length of the latent vector.
    """

    side: int = 256
    channels: int = 3
    width: int = 64
    latent: int = 256

    def __post_init__(self) -> None:
        _check(self.side, self.channels, self.width, self.latent)

    @property
    def sides(self) -> tuple[int, ...]:
        """Of the maps, the coarsest first."""
        return tuple(side for side in _WIDTHS if side <= self.side)

    @property
    def gated(self) -> tuple[int, ...]:
        """Sides of the maps that are gated, each by the map of a sixteenth of its side."""
        return tuple(side for side in self.sides if _GATED_FROM <= side <= _LAST_GATED)

    @property
    def layer_noise(self) -> tuple[tuple[int, ...], ...]:
        """Of two layers in every second stage."""
        return tuple((1, side, side) for side in self.sides[1::2] for _ in range(2))

    def width_at(self, side: int) -> int:
        """Of the maps of a side."""
        return max(1, int(self.width * _WIDTHS[side]))

    def build(self) -> FastGANGenerator:
        """A freshly initialised generator."""
        return FastGANGenerator(self)


@dataclass(frozen=True, kw_only=True)
class FastGANDiscriminatorConfig(DiscriminatorConfig):
    """The discriminator.

    Args:
        side: of the pictures, 32 to 1024 pixels, a power of two.
        channels: of the pictures.
        width: of the maps of 64 pixels; coarser ones are wider, finer ones narrower.
    """

    side: int = 256
    channels: int = 3
    width: int = 64

    def __post_init__(self) -> None:
        _check(self.side, self.channels, self.width)

    @property
    def entered(self) -> int:
        """Side of the first maps: larger pictures are halved at once."""
        return min(self.side, max(_JUDGED_WIDTHS))

    @property
    def tells_features(self) -> bool:
        """It tells the last maps of both views."""
        return True

    def width_at(self, side: int) -> int:
        """Of the maps of a side."""
        return max(1, int(self.width * _JUDGED_WIDTHS[side]))

    def build(self) -> FastGANDiscriminator:
        """A freshly initialised discriminator."""
        return FastGANDiscriminator(self)


def _check(side: int, *counts: int) -> None:
    if side not in _SIDES:
        raise ValueError(f"side must be one of {_SIDES}, got {side}")
    if min(counts) < 1:
        raise ValueError(f"channels, width and latent must be at least 1, got {counts}")


def small_side(side: int) -> int:
    """Side of the second view of pictures: 128 pixels, and half of what is not larger than that."""
    return min(_WIDEST_VIEW, side // 2)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int | None = None) -> SpectralConv2d:
    return SpectralConv2d(inputs, outputs, kernel, _POWER, bias=False, stride=stride, padding=padding)


class _Gated(nn.Module):
    """A convolution of 3 x 3, noise if it is given any, batch norm, a gated linear unit."""

    def __init__(self, inputs: int, outputs: int, *, noisy: bool) -> None:
        super().__init__()
        self.conv = _conv(inputs, 2 * outputs, 3)
        self.norm = nn.BatchNorm2d(2 * outputs)
        self.strength = nn.Parameter(torch.zeros(())) if noisy else None

    def forward(self, x: Tensor, noise: Iterator[Tensor] | None = None) -> Tensor:
        x = self.conv(x)
        if self.strength is not None:
            added = x.new_empty(x.shape[0], 1, *x.shape[2:]).normal_() if noise is None else next(noise)
            x = x + self.strength * added
        return F.glu(self.norm(x), dim=1)


class _Doubling(nn.Module):
    """Nearest-neighbour enlargement and one convolution, or two with noise: (b, c, h, w) -> (b, o, 2h, 2w)."""

    def __init__(self, inputs: int, outputs: int, *, noisy: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Gated(inputs, outputs, noisy=noisy)])
        if noisy:
            self.layers.append(_Gated(outputs, outputs, noisy=True))

    def forward(self, x: Tensor, noise: Iterator[Tensor] | None = None) -> Tensor:
        x = F.interpolate(x, scale_factor=2)
        for layer in self.layers:
            x = layer(x, noise)
        return x


class _Excitation(nn.Module):
    """Gates the channels of a fine map by what a coarse one holds. Reference: section 3.1, equation 1."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.first, self.second = _conv(coarse, fine, 4, padding=0), _conv(fine, fine, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        gate = self.first(F.adaptive_avg_pool2d(coarse, 4))
        return fine * self.second(F.silu(gate)).sigmoid()


class FastGANGenerator(nn.Module):
    """Latent vectors to pictures. See :class:`FastGANGeneratorConfig`."""

    def __init__(self, config: FastGANGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        width_at, first = config.width_at, 2 * config.width_at(_COARSEST)
        self.first = SpectralLinear(config.latent, first * _COARSEST**2, _POWER, bias=False)
        self.first_norm = nn.BatchNorm2d(first)
        self.stages = nn.ModuleList(
            _Doubling(width_at(before), width_at(side), noisy=number % 2 == 0)
            for number, (before, side) in enumerate(pairwise(config.sides))
        )
        self.excitations = nn.ModuleList(_Excitation(width_at(side // 16), width_at(side)) for side in config.gated)
        self.colours = _conv(width_at(config.side), config.channels, 3)
        self.small_colours = _conv(width_at(small_side(config.side)), config.channels, 1)
        dcgan_normal(self)

    def forward(
        self,
        z: Float[Tensor, "b latent"],
        condition: Condition = NOTHING_GIVEN,
        *,
        noise: Sequence[Tensor] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """Draw one picture in [-1, 1] for every latent vector. The condition is not read.

        Args:
            z: latent vectors.
            condition: of samples.
            noise: (b, 1, h, w) for each of ``config.layer_noise``; ``None`` to draw it.
        """
        return self.draw(z, noise)[0]

    def draw(
        self, z: Float[Tensor, "b latent"], noise: Sequence[Tensor] | None = None
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c s s"]]:
        """The pictures, and the same ones small, drawn from coarser maps, for the discriminator's second view.

        Args:
            z: latent vectors.
            noise: as of :meth:`forward`.
        """
        given = None if noise is None else iter(noise)
        x = self.first(z).unflatten(1, (-1, _COARSEST, _COARSEST))
        maps = {_COARSEST: F.glu(self.first_norm(x), dim=1)}
        gates = dict(zip(self.config.gated, self.excitations, strict=True))
        for (before, side), stage in zip(pairwise(self.config.sides), self.stages, strict=True):
            x = stage(maps[before], given)
            maps[side] = gates[side](x, maps[side // 16]) if side in gates else x
        small = self.small_colours(maps[small_side(self.config.side)])
        return self.colours(maps[self.config.side]).tanh(), small.tanh()


class _Halving(nn.Module):
    """A strided convolution, batch norm and leaky ReLU: (b, c, h, w) -> (b, o, h/2, w/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv, self.norm = _conv(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(self.norm(self.conv(x)), 0.2)


class _HalvingPair(nn.Module):
    """The mean of a strided and an averaging way to half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.strided = _Halving(inputs, outputs)
        self.conv, self.norm = _conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.direct, self.direct_norm = _conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        strided = leaky_relu(self.norm(self.conv(self.strided(x))), 0.2)
        averaged = leaky_relu(self.direct_norm(self.direct(F.avg_pool2d(x, 2))), 0.2)
        return (strided + averaged) / 2


class _Decoder(nn.Module):
    """Maps of 8 x 8 to a picture in [-1, 1]."""

    def __init__(self, inputs: int, channels: int, side: int) -> None:
        super().__init__()
        sides = [each for each in _WIDTHS if _SMALLEST_JUDGED < each <= side]
        widths = [inputs, *(int(_DECODER_WIDTH * _WIDTHS[each]) for each in sides)]
        self.stages = nn.ModuleList([_Doubling(a, b, noisy=False) for a, b in pairwise(widths)])
        self.colours = _conv(widths[-1], channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        return self.colours(x).tanh()


class Rebuilt(NamedTuple):
    """What a discriminator says of real pictures, and how it redraws them.

    Attributes:
        judgement: logits and features.
        drawn: the picture from the maps of either view, and a quarter of it from a quarter of a finer map.
        wanted: the same of the real pictures, at the sizes that are drawn.
    """

    judgement: Judgement
    drawn: tuple[Tensor, ...]
    wanted: tuple[Tensor, ...]


class FastGANDiscriminator(nn.Module):
    """Pictures to logits of patches, in two views. See :class:`FastGANDiscriminatorConfig`."""

    def __init__(self, config: FastGANDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        channels, width_at, entered = config.channels, config.width_at, config.entered
        self.entry, self.entry_halving = self._entry()
        sides = [side for side in _JUDGED_WIDTHS if side <= entered]
        self.stages = nn.ModuleList(_HalvingPair(width_at(a), width_at(b)) for a, b in pairwise(sides))
        self.gated = [side for side in _JUDGED_GATES if 8 * side <= entered]
        self.excitations = nn.ModuleList(_Excitation(width_at(8 * side), width_at(side)) for side in self.gated)
        last, part = width_at(_SMALLEST_JUDGED), width_at(2 * _SMALLEST_JUDGED)
        self.last, self.last_norm = _conv(last, 2 * last, 1), nn.BatchNorm2d(2 * last)
        self.head = _conv(2 * last, 1, 4, padding=0)
        # The second view has half the width of the first at every side, from its first halving on.
        view = small_side(config.side)
        halves = [max(1, width_at(side) // 2) for side in _JUDGED_WIDTHS if side < view]
        self.small_entry = _conv(channels, halves[0], 4, 2, 1)
        self.small_stages = nn.ModuleList(_Halving(a, b) for a, b in pairwise(halves))
        self.small_head = _conv(halves[-1], 1, 4, padding=0)
        self.decoder = _Decoder(last, channels, min(_WIDEST_VIEW, config.side))
        self.small_decoder = _Decoder(halves[-1], channels, min(_WIDEST_VIEW, config.side))
        self.part_decoder = _Decoder(part, channels, min(_WIDEST_VIEW, config.side // 2))
        dcgan_normal(self)

    def _entry(self) -> tuple[SpectralConv2d, _Halving | None]:
        """The layers that bring pictures to the first maps."""
        config = self.config
        width = config.width_at(config.entered)
        if config.side == config.entered:
            return _conv(config.channels, width, 3), None
        if config.side == 2 * config.entered:
            return _conv(config.channels, width, 4, 2, 1), None
        return _conv(config.channels, max(1, width // 2), 4, 2, 1), _Halving(max(1, width // 2), width)

    def forward(self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN) -> Float[Tensor, "b 50"]:
        """Logits of 25 patches in each of two views. The condition is not read."""
        return self.judge(x, condition).logits

    def judge(
        self, x: Float[Tensor, "b c h w"], condition: Condition = NOTHING_GIVEN, small: Tensor | None = None
    ) -> Judgement:
        """The logits, and the last maps of both views.

        Args:
            x: pictures.
            condition: of samples.
            small: the same pictures small, where the generator drew them so; ``None`` to make them of ``x``.
        """
        whole, _, view = self._maps(x, small)
        return self._judged(whole, view)

    def rebuild(self, x: Float[Tensor, "b c h w"], quarter: Int[Tensor, " b"]) -> Rebuilt:
        """Judge real pictures and redraw them, which keeps the maps rich. Reference: section 3.2, equation 2.

        Args:
            x: real pictures.
            quarter: which of the four quarters of each is redrawn by itself, 0 to 3 in reading order.
        """
        whole, finer, view = self._maps(x, None)
        drawn = self.decoder(whole), self.small_decoder(view), self.part_decoder(_quarters(finer, quarter))
        seen = x, x, _quarters(x, quarter)
        wanted = tuple(F.adaptive_avg_pool2d(a, b.shape[-1]) for a, b in zip(seen, drawn, strict=True))
        return Rebuilt(self._judged(whole, view), drawn, wanted)

    def _maps(self, x: Tensor, small: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of 8 and of 16 pixels of the first view, and of 8 pixels of the second."""
        side = self.config.side
        if x.shape[2:] != (side, side):
            raise ValueError(f"pictures must be of {side} x {side}, got {tuple(x.shape[2:])}")
        view = F.avg_pool2d(x, side // small_side(side)) if small is None else small
        view = leaky_relu(self.small_entry(view), 0.2)
        for stage in self.small_stages:
            view = stage(view)
        x = leaky_relu(self.entry(x), 0.2)
        maps = {self.config.entered: x if self.entry_halving is None else self.entry_halving(x)}
        gates = dict(zip(self.gated, self.excitations, strict=True))
        for before, stage in zip(tuple(_JUDGED_WIDTHS)[-len(self.stages) - 1 :], self.stages, strict=False):
            x, reached = stage(maps[before]), before // 2
            maps[reached] = gates[reached](x, maps[8 * reached]) if reached in gates else x
        return maps[_SMALLEST_JUDGED], maps[2 * _SMALLEST_JUDGED], view

    def _judged(self, whole: Tensor, view: Tensor) -> Judgement:
        first = self.head(leaky_relu(self.last_norm(self.last(whole)), 0.2))
        return Judgement(torch.cat([first.flatten(1), self.small_head(view).flatten(1)], dim=1), (whole, view))


def _quarters(x: Float[Tensor, "b c h w"], quarter: Int[Tensor, " b"]) -> Float[Tensor, "b c h/2 w/2"]:
    """One quarter of each picture or map."""
    half = x.shape[2] // 2
    parts = x.unflatten(3, (2, half)).unflatten(2, (2, half))  # (b, c, 2, h/2, 2, w/2)
    parts = parts.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (b, 4, c, h/2, w/2)
    return parts[torch.arange(len(x), device=x.device), quarter]
